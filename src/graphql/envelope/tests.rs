//! What envelopes come to.

use serde_json::json;

use super::*;

fn json_body(body: &str) -> Result<Request, EnvelopeError> {
    read(Some(Encoding::Json), b"", body.as_bytes())
}

fn refused(result: Result<Request, EnvelopeError>) -> EnvelopeError {
    result.map(|request| String::from_utf8(request.to_json()).unwrap()).unwrap_err()
}

fn canonical(result: Result<Request, EnvelopeError>) -> String {
    String::from_utf8(result.unwrap().to_json()).unwrap()
}

#[test]
fn a_json_body_is_read_as_python_reads_it() {
    let request =
        json_body(r#" {"query":"{a}","variables":{"n":12345678901234567890.10e-05},"operationName":"A","x":1} "#)
            .unwrap();
    assert_eq!((request.document.as_str(), request.operation_name.as_deref()), ("{a}", Some("A")));
    let expected = r#"{"query":"{a}","variables":{"n":12345678901234567890.10e-05},"operationName":"A"}"#;
    assert_eq!(String::from_utf8(request.to_json()).unwrap(), expected);
    let escaped = json_body(r#"{"qu\u0065ry":"{\u0061 \"\ud83d\ude00\"}"}"#).unwrap();
    assert_eq!(escaped.document, "{a \"😀\"}");
}

#[test]
fn what_counts_as_absent_is_left_out() {
    for rest in [
        r#""variables":null,"operationName":null"#,
        r#""variables":{},"operationName":"""#,
        r#""variables":"","operationName":"null""#,
        r#""variables":"null""#,
        r#""variables":"{}","extensions":{},"id":7"#,
        r#""extensions":{"persistedQuery":{"sha256Hash":"x"}}"#,
    ] {
        assert_eq!(canonical(json_body(&format!(r#"{{"query":"{{a}}",{rest}}}"#))), r#"{"query":"{a}"}"#, "{rest}");
    }
}

#[test]
fn variables_may_be_json_in_a_string() {
    let request = json_body(r#"{"query":"{a}","variables":"{\"n\":1e+400}"}"#);
    assert_eq!(canonical(request), r#"{"query":"{a}","variables":{"n":1e+400}}"#);
    for wrong in [r#""[]""#, r#""{\"a\":1,\"a\":2}""#, r#""{\"a\":NaN}""#, r#""{} x""#, "[]", "5", "true"] {
        let error = refused(json_body(&format!(r#"{{"query":"{{a}}","variables":{wrong}}}"#)));
        assert!(matches!(error, EnvelopeError::Variables | EnvelopeError::Repeated(_)), "{wrong}: {error:?}");
    }
}

#[test]
fn damaged_json_is_refused() {
    for body in [
        "",
        " ",
        "{",
        r#"{"query": "#,
        r#"{"query":"{a}"} x"#,
        r#"{"query":"{a}"}{}"#,
        r#"{"query":"{a}","variables":{"a":NaN}}"#,
        r#"{"query":"{a}",}"#,
        r#"{'query':'a'}"#,
        r#"{"query":"\ud800"}"#,
        r#"{"query":"\udc00\ud800"}"#,
        "{\"query\":\"{a}\n\"}",
        r#"{"query":"{a}","variables":{"a":01}}"#,
        r#"{"query":"{a}","variables":{"a":"\ud800"}}"#,
        r#"{"qu\ud800ery":"{a}"}"#,
        r#"{"query":"{a}" /* */}"#,
        "\u{c}{\"query\":\"{a}\"}",
    ] {
        assert_eq!(refused(json_body(body)), EnvelopeError::NotJson, "{body}");
    }
    for body in ["\u{feff}{\"query\":\"{a}\"}".as_bytes(), b"{\"query\":\"\xff\"}", b"\xff\xfe{\0"] {
        assert_eq!(refused(read(Some(Encoding::Json), b"", body)), EnvelopeError::BodyNotText, "{body:?}");
    }
    assert_eq!(refused(json_body(r#"[{"query":"{a}"}]"#)), EnvelopeError::Batch);
    assert_eq!(refused(json_body("[]")), EnvelopeError::Batch);
    assert_eq!(refused(json_body("\"{a}\"")), EnvelopeError::NotAnObject);
    assert_eq!(refused(json_body(r#"{"query":5}"#)), EnvelopeError::NotAString("query"));
    assert_eq!(
        refused(json_body(r#"{"query":"{a}","operationName":["A"]}"#)),
        EnvelopeError::NotAString("operationName")
    );
}

#[test]
fn repeated_keys_are_refused_at_every_depth() {
    for body in [
        r#"{"query":"{a}","query":"{b}"}"#,
        r#"{"query":"{a}","qu\u0065ry":"{b}"}"#,
        r#"{"query":"{a}","variables":{"a":[{"b":1,"b":2}]}}"#,
        r#"{"query":"{a}","x":1,"x":2}"#,
    ] {
        assert!(matches!(refused(json_body(body)), EnvelopeError::Repeated(_)), "{body}");
    }
}

/// serde_json has keys of its own for numbers and raw texts. Here they are keys like any other.
#[test]
fn private_keys_of_the_library_mean_nothing() {
    for key in ["number", "Number", "RawValue"].map(|name| format!("$serde_json::private::{name}")) {
        let body = format!(r#"{{"query":"{{a}}","variables":{{"v":{{"{key}":"12"}}}}}}"#);
        assert_eq!(json_body(&body).unwrap().variables["v"], json!({ key: "12" }), "{body}");
    }
}

#[test]
fn deep_and_wide_bodies_do_no_harm() {
    for open in ["[", "{\"a\":"] {
        for depth in [65, 500, 2_000, 7_000, 100_000] {
            let (nested, close) = (open.repeat(depth), if open == "[" { "]" } else { "}" }.repeat(depth));
            let body = format!(r#"{{"query":"{{a}}","variables":{{"v":{nested}1{close}}}}}"#);
            assert_eq!(refused(json_body(&body)), EnvelopeError::TooDeep, "{depth}");
            assert_eq!(refused(json_body(&nested)), EnvelopeError::TooDeep);
        }
    }
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\":{n}")).collect();
    let wide = format!(r#"{{"query":"{{a}}","variables":{{{}}}}}"#, keys.join(","));
    assert_eq!(json_body(&wide).unwrap().variables.len(), 100_000);
}

#[test]
fn a_request_stands_in_one_place() {
    for key in ["query", "variables", "operationName", "extensions", "id", "documentId", "qu%65ry"] {
        let query_string = format!("a=1&{key}=x");
        for (encoding, body) in
            [(Encoding::Json, r#"{"query":"{a}"}"#), (Encoding::Graphql, "{a}"), (Encoding::Form, "query={a}")]
        {
            let error = refused(read(Some(encoding), query_string.as_bytes(), body.as_bytes()));
            assert!(matches!(error, EnvelopeError::TwoPlaces(_)), "{query_string}: {error:?}");
        }
    }
    assert!(read(Some(Encoding::Json), b"pretty=1", br#"{"query":"{a}"}"#).is_ok());
    assert_eq!(refused(read(None, b"query={a}", b"x")), EnvelopeError::UnknownBody);
}

#[test]
fn forms_and_query_strings_are_decoded_strictly() {
    let text = b"query=mutation%7Blogin+%28a%3A%22%C3%A9%22%29%7D&variables=%7B%22a%22%3A1.0%7D&operationName=A&x=%20";
    let expected = r#"{"query":"mutation{login (a:\"é\")}","variables":{"a":1.0},"operationName":"A"}"#;
    assert_eq!(canonical(read(Some(Encoding::Form), b"", text)), expected);
    assert_eq!(canonical(read(None, text, b"")), expected);
    for wrong in ["query=%", "query=%4", "query=%zz", "query=%ff", "query={a}&x=%C3"] {
        assert_eq!(refused(read(Some(Encoding::Form), b"", wrong.as_bytes())), EnvelopeError::NotAForm, "{wrong}");
        assert_eq!(refused(read(None, wrong.as_bytes(), b"")), EnvelopeError::NotAForm, "{wrong}");
    }
    for twice in ["query={a}&query={b}", "query={a}&qu%65ry={b}", "query={a}&variables={}&variables={}"] {
        assert!(
            matches!(refused(read(Some(Encoding::Form), b"", twice.as_bytes())), EnvelopeError::Repeated(_)),
            "{twice}"
        );
    }
}

#[test]
fn stored_documents_are_not_run() {
    let hash = r#"{"extensions":{"persistedQuery":{"version":1,"sha256Hash":"x"}}}"#;
    for query in [
        hash.to_owned(),
        hash.replace("{\"ext", "{\"query\":\"\",\"ext"),
        hash.replace("{\"ext", "{\"query\":null,\"ext"),
    ] {
        let answer = decode(Some(Encoding::Json), b"", query.as_bytes()).unwrap_err();
        assert_eq!(answer.outcome, Outcome::Executed);
        let expected = json!({ "errors": [{ "message": "PersistedQueryNotFound", "extensions": { "code": "PERSISTED_QUERY_NOT_FOUND" } }] });
        assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), expected);
    }
    let by_get = read(None, b"extensions=%7B%22persistedQuery%22%3A%7B%22sha256Hash%22%3A%22x%22%7D%7D", b"");
    assert_eq!(refused(by_get), EnvelopeError::HashOnly);
    assert_eq!(refused(json_body(r#"{"id":"x"}"#)), EnvelopeError::StoredDocument("id"));
    assert_eq!(refused(json_body(r#"{"query":"{a}","documentId":"x"}"#)), EnvelopeError::StoredDocument("documentId"));
    for none in ["{}", r#"{"variables":{}}"#, r#"{"query":null}"#, r#"{"query":""}"#] {
        assert_eq!(refused(json_body(none)), EnvelopeError::NoDocument, "{none}");
    }
    assert_eq!(refused(read(None, b"", b"")), EnvelopeError::NoDocument);
}

/// What is written is read as the same request, by either way.
#[test]
fn canonical_forms_say_the_same() {
    let document = "mutation A($v: String) {\r\n\tlogin(a: \"é&=%+#?;/\\\\ 😀\u{2028}\") # \u{7f}\n}";
    let variables = json!({ "v": "a\"b\\c\u{0}&=%+", "n": [1, null, { "x": true }] });
    let request = Request {
        document: document.to_owned(),
        variables: variables.as_object().unwrap().clone(),
        operation_name: Some("A".to_owned()),
    };
    let again = [
        read(Some(Encoding::Json), b"", &request.to_json()).unwrap(),
        read(None, request.to_query_string().as_bytes(), b"").unwrap(),
        read(Some(Encoding::Form), b"", request.to_query_string().as_bytes()).unwrap(),
    ];
    for read in again {
        assert_eq!(
            (read.document, read.variables, read.operation_name),
            (request.document.clone(), request.variables.clone(), Some("A".to_owned()))
        );
    }
    assert!(request.to_query_string().bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%=&".contains(&byte)));
}

#[test]
fn debug_shows_nothing_of_a_request() {
    let request =
        json_body(r#"{"query":"{canary}","variables":{"canary":"canary"},"operationName":"canary"}"#).unwrap();
    assert!(!format!("{request:?}").contains("canary"));
}
