//! Agents that keep to the protocol in ways of their own.
use super::{OPENED, Talk};
use crate::agent::dialect::EndReason;

#[test]
fn numbers_may_have_a_fraction() {
    let mut talk = Talk::new("/w/a");
    talk.line(r#"{"id":1.0,"result":{"protocolVersion":1.0}}"#);
    assert_eq!(talk.sent(), OPENED[..2]);
}

#[test]
fn one_that_cannot_read_its_greeting_has_answered_it() {
    let mut talk = Talk::new("/w/a");
    talk.line(r#"{"id":null,"error":{"code":-32700,"message":"Parse error"}}"#);
    assert_eq!(talk.end(), Some(&EndReason::Failed("Parse error".to_owned())));
    let mut talk = Talk::at_work();
    talk.line(r#"{"id":null,"error":{"code":-32700,"message":"Parse error"}}"#);
    assert_eq!(talk.end(), None, "it goes on");
}

#[test]
fn half_a_character_does_not_hide_the_end() {
    let mut talk = Talk::at_work();
    talk.line(r#"{"id":3,"result":{"stopReason":"end_turn","_meta":{"title":"cut \ud83d"}}}"#);
    let acts = talk.client.quiet();
    talk.acts.extend(acts);
    assert_eq!(talk.end(), Some(&EndReason::Finished));
}
