//! Payloads held against the schema.

use super::{noted::devices, *};
use crate::{
    auth::FactorConfirmed,
    graphql::execute::tests::noted::{codes, setup},
};

/// How many objects it has; each with exactly the fields of its type, in their order.
fn check(schema: &Schema, object: &payload::Object) -> usize {
    let Some(TypeKind::Object(ty)) = schema.get(object.type_name) else { panic!("no type {}", object.type_name) };
    let names: Vec<&str> = object.fields.iter().map(|(name, _)| *name).collect();
    let known: Vec<&str> = ty.fields.keys().map(String::as_str).collect();
    assert_eq!(names, known, "{}", object.type_name);
    let inside = |field: &payload::Field| match field {
        payload::Field::Leaf(_) => 0,
        payload::Field::Object(object) => check(schema, object),
        payload::Field::List(objects) => objects.iter().map(|object| check(schema, object)).sum(),
    };
    1 + object.fields.iter().map(|(_, field)| inside(field)).sum::<usize>()
}

/// Every field of the schema is answered, and no other, so a selection that is valid can't come to nothing.
#[test]
fn payloads_have_exactly_the_fields_of_their_types() {
    let schema = Schema::embedded().unwrap();
    assert_eq!(check(&schema, &payload::granted(&granted("john"), false)), 4);
    assert_eq!(check(&schema, &payload::factor_due(&PlainToken::new("challenge"))), 1);
    assert_eq!(check(&schema, &payload::enrolment_due(&PlainToken::new("challenge"))), 1);
    assert_eq!(check(&schema, &payload::refused(Refusal::InvalidCredentials, Language::English)), 1);
    for ending in [payload::logout, payload::revoked, payload::all_revoked, payload::disable_mfa] {
        assert_eq!(check(&schema, &ending(None, Language::English)), 1);
        assert_eq!(check(&schema, &ending(Some(Refusal::Unauthenticated), Language::English)), 1);
    }
    let john = calling("john").principal.unwrap();
    assert_eq!(check(&schema, &payload::session(&own(&john))), 1);
}

#[test]
fn payloads_of_factors_have_exactly_the_fields_of_their_types() {
    let (schema, refusal, language) = (Schema::embedded().unwrap(), Refusal::FactorsOff, Language::English);
    for result in [Ok(setup(true)), Err(refusal)] {
        assert_eq!(check(&schema, &payload::setup_totp(&result, language)), 1);
        assert_eq!(check(&schema, &payload::setup_mfa(&result, language)), 1);
    }
    for result in [Ok(FactorConfirmed { backup_codes: Some(codes()) }), Err(refusal)] {
        assert_eq!(check(&schema, &payload::verify_totp(&result, language)), 1);
        assert_eq!(check(&schema, &payload::verify_mfa_setup(&result, language)), 1);
    }
    for result in [Ok(codes()), Err(refusal)] {
        assert_eq!(check(&schema, &payload::backup_codes(&result, language)), 1);
    }
    let own = devices();
    assert_eq!(check(&schema, &payload::factor(&own.factors[0])), 1);
    assert_eq!(check(&schema, &payload::trusted_device(&own.trusted[0])), 1);
}
