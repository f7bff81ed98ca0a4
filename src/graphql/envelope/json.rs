//! JSON, read more strictly than any library of ours would by itself.
//!
//! serde_json keeps the last of duplicate keys, and where it keeps numbers to the letter it takes an object with one
//! certain private key for a number. So the structure is read here, in one pass and to a bounded depth; the library reads
//! the strings and numbers in it.

use std::collections::HashSet;

use serde_json::{Map, Number, Value};

use super::{EnvelopeError, parts::Parts};

/// Deeper values than this are no variables that anybody has.
const DEEPEST: usize = 64;

/// The members of an object, in order, no key of which is there twice.
pub(in crate::graphql) type Members = Vec<(String, Value)>;

/// The envelope in a body.
pub(super) fn parts(body: &str) -> Result<Parts, EnvelopeError> {
    let mut reader = Reader { text: body, at: 0 };
    match reader.first() {
        Some(b'{') => {
            let members = reader.members(1)?;
            reader.end()?;
            Parts::from_members(members)
        }
        first => {
            // Whatever is damaged is said to be that, before it is said to be no request.
            reader.value(1)?;
            reader.end()?;
            Err(if first == Some(b'[') { EnvelopeError::Batch } else { EnvelopeError::NotAnObject })
        }
    }
}

/// The envelopes in a body that is a list of them.
pub(super) fn list(body: &str) -> Result<Vec<Members>, EnvelopeError> {
    let mut reader = Reader { text: body, at: 0 };
    let envelopes = reader.items(|reader| match reader.first() {
        Some(b'{') => reader.members(1).map(Some),
        _ => reader.value(1).map(|_| None),
    })?;
    reader.end()?;
    envelopes.into_iter().collect::<Option<_>>().ok_or(EnvelopeError::NotAnObject)
}

/// The members of an object, each with its value as it is written.
pub(super) fn object(text: &str) -> Result<Vec<(String, Value, &str)>, EnvelopeError> {
    let mut reader = Reader { text, at: 0 };
    let members = reader.members_of(|reader| {
        reader.first();
        let start = reader.at;
        let value = reader.value(2)?;
        Ok((value, text.get(start..reader.at).unwrap_or_default()))
    })?;
    reader.end()?;
    Ok(members.into_iter().map(|(key, (value, written))| (key, value, written)).collect())
}

/// One value, and nothing behind it.
pub(super) fn value(text: &str) -> Result<Value, EnvelopeError> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(1)?;
    reader.end()?;
    Ok(value)
}

struct Reader<'a> {
    text: &'a str,
    /// Everything before this byte has been read.
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    /// The first byte behind white space (RFC 8259 §2), not read yet.
    fn first(&mut self) -> Option<u8> {
        let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        self.at += self.rest().iter().take_while(|byte| blank(byte)).count();
        self.rest().first().copied()
    }

    /// Reads this mark, if it comes next.
    fn takes(&mut self, mark: u8) -> bool {
        let is_next = self.first() == Some(mark);
        self.at += usize::from(is_next);
        is_next
    }

    fn expect(&mut self, mark: u8) -> Result<(), EnvelopeError> {
        if self.takes(mark) { Ok(()) } else { Err(EnvelopeError::NotJson) }
    }

    fn end(&mut self) -> Result<(), EnvelopeError> {
        if self.first().is_none() { Ok(()) } else { Err(EnvelopeError::NotJson) }
    }

    fn value(&mut self, depth: usize) -> Result<Value, EnvelopeError> {
        if depth > DEEPEST {
            return Err(EnvelopeError::TooDeep);
        }
        match self.first() {
            Some(b'{') => Ok(Value::Object(self.members(depth)?.into_iter().collect::<Map<String, Value>>())),
            Some(b'[') => self.items(|reader| reader.value(depth + 1)).map(Value::Array),
            Some(b'"') => self.string().map(Value::String),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            _ => self.number().map(Value::Number),
        }
    }

    fn members(&mut self, depth: usize) -> Result<Members, EnvelopeError> {
        self.members_of(|reader| reader.value(depth + 1))
    }

    fn members_of<T>(
        &mut self,
        value: impl Fn(&mut Self) -> Result<T, EnvelopeError>,
    ) -> Result<Vec<(String, T)>, EnvelopeError> {
        self.expect(b'{')?;
        let (mut members, mut seen) = (Vec::new(), HashSet::new());
        if self.takes(b'}') {
            return Ok(members);
        }
        loop {
            let key = match self.first() {
                Some(b'"') => self.string()?,
                _ => return Err(EnvelopeError::NotJson),
            };
            if !seen.insert(key.clone()) {
                return Err(EnvelopeError::Repeated(key));
            }
            self.expect(b':')?;
            members.push((key, value(self)?));
            if !self.takes(b',') {
                self.expect(b'}')?;
                return Ok(members);
            }
        }
    }

    fn items<T>(&mut self, item: impl Fn(&mut Self) -> Result<T, EnvelopeError>) -> Result<Vec<T>, EnvelopeError> {
        self.expect(b'[')?;
        let mut items = Vec::new();
        if self.takes(b']') {
            return Ok(items);
        }
        loop {
            items.push(item(self)?);
            if !self.takes(b',') {
                self.expect(b']')?;
                return Ok(items);
            }
        }
    }

    fn string(&mut self) -> Result<String, EnvelopeError> {
        let (mut end, rest) = (1, self.rest());
        while let Some(byte) = rest.get(end).filter(|byte| **byte != b'"') {
            end += if *byte == b'\\' { 2 } else { 1 };
        }
        self.parsed(end + 1, |text| serde_json::from_str(text).ok())
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, EnvelopeError> {
        self.parsed(word.len(), |text| (text == word).then_some(value))
    }

    /// To the letter, but for the sign that the library writes before an exponent (`1e5` becomes `1e+5`).
    fn number(&mut self) -> Result<Number, EnvelopeError> {
        let belongs = |byte: &u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest().iter().take_while(|byte| belongs(byte)).count();
        self.parsed(length, |text| text.parse().ok())
    }

    /// The next `length` bytes, as `parse` reads them.
    fn parsed<T>(&mut self, length: usize, parse: impl FnOnce(&str) -> Option<T>) -> Result<T, EnvelopeError> {
        let end = self.at.saturating_add(length);
        let value = self.text.get(self.at..end).and_then(parse).ok_or(EnvelopeError::NotJson)?;
        self.at = end;
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::{DEEPEST, value};

    /// What is JSON, and what it is, is the library's word; held against it on texts in which every byte was changed once.
    #[test]
    fn what_is_json_is_what_the_library_says() {
        let texts = [
            r#" { "a" : [ 1 , -2.50e+3 , true , false , null , "x\u00e9\\\"\n" , { } , [ ] ] , "\ud83d\ude00é" : { "b" : 0 } } "#,
            "[[1,2],[3]]",
            "12345678901234567890.10",
            r#""text""#,
        ];
        let mut compared = 0;
        for text in texts {
            for at in (0..=text.len()).filter(|at| text.is_char_boundary(*at)) {
                let behind = text.get(at..).unwrap().chars().next().map_or(at, |character| at + character.len_utf8());
                for other in
                    ["", " ", "\t", "\u{1}", "\"", "\\", "{", "}", "[", "]", ",", ":", "0", "1", "-", "e", ".", "a"]
                {
                    let changed = format!("{}{other}{}", &text[..at], &text[behind..]);
                    let expected = serde_json::from_str::<serde_json::Value>(&changed).ok();
                    assert_eq!(value(&changed).ok(), expected, "{changed:?}");
                    compared += 1;
                }
            }
        }
        assert!(compared > 2_000, "{compared}");
    }

    #[test]
    fn depth_costs_no_more_than_length() {
        let nested = |depth: usize, inside: &str| format!("{}{inside}{}", "[".repeat(depth), "]".repeat(depth));
        let long = nested(DEEPEST - 2, &format!("[{}0]", "0,".repeat(200_000)));
        let started = std::time::Instant::now();
        assert!(value(&long).is_ok());
        let deep = started.elapsed();
        assert!(value(&nested(DEEPEST, "0")).is_err() && value(&nested(100_000, "0")).is_err());
        let flat = format!("[{}0]", "0,".repeat(200_000));
        let started = std::time::Instant::now();
        assert!(value(&flat).is_ok());
        assert!(deep < started.elapsed() * 20, "{deep:?} for 60 levels, {:?} for one", started.elapsed());
    }
}
