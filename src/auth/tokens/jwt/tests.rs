//! HMAC-SHA256 by the vectors of project Wycheproof, through the code that checks a JWT's MAC.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use wycheproof::{
    TestResult,
    mac::{TestName, TestSet},
};

use super::JwtKey;

#[test]
fn macs_are_judged_as_wycheproof_says_and_shortened_ones_refused() {
    let set = TestSet::load(TestName::HmacSha256).unwrap();
    let (mut good, mut bad, mut short) = (0, 0, 0);
    for group in &set.test_groups {
        for test in &group.tests {
            let key = JwtKey(hmac::Key::new(hmac::HMAC_SHA256, &test.key));
            let accepted = key.check_mac(&test.msg, &URL_SAFE_NO_PAD.encode(&test.tag)).is_ok();
            let is_whole = group.tag_size == 256;
            let expected = is_whole && test.result == TestResult::Valid;
            assert_eq!(accepted, expected, "test {}: {}", test.tc_id, test.comment);
            match (is_whole, expected) {
                (true, true) => good += 1,
                (true, false) => bad += 1,
                (false, _) => short += 1,
            }
        }
    }
    assert!(good > 30 && bad > 30 && short == good + bad, "{good} {bad} {short}");
}
