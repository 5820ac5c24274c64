//! Tokens that are right, and all the ways in which one is not.

pub(crate) mod make;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Claims, Expected, Refused, SignedToken};
use make::Issuer;

const NOW: i64 = 1_800_000_000;

fn expected() -> Expected<'static> {
    Expected { issuer: "https://issuer.example", audience: "post", nonce: None }
}

fn claims() -> Value {
    json!({ "iss": "https://issuer.example", "aud": "post", "sub": "7", "exp": NOW + 60 })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

fn tried(issuer: &Issuer, token: &str, expected: &Expected<'_>) -> Result<Claims, Refused> {
    let now = Timestamp::from_second(NOW).unwrap();
    SignedToken::parse(token)?.verify(&issuer.keys(), expected, now)
}

fn taken(issuer: &Issuer, claims: &Value) -> Result<Claims, Refused> {
    tried(issuer, &issuer.sign("RS256", claims), &expected())
}

#[test]
fn each_way_of_signing_is_taken_with_its_own_key_alone() {
    let issuer = Issuer::new();
    for name in ["RS256", "PS256", "ES256", "EdDSA", "Ed25519"] {
        let token = issuer.sign(name, &claims());
        assert_eq!(tried(&issuer, &token, &expected()).unwrap().text("sub"), Some("7"), "{name}");
        let nameless = issuer.sign_as(&json!({ "alg": name }), name, &claims());
        assert!(tried(&issuer, &nameless, &expected()).is_ok(), "{name} without a key's name");
        let stranger = tried(&Issuer::new(), &token, &expected());
        assert_eq!(stranger.unwrap_err(), Refused::Signature, "{name}");
        let unknown = issuer.sign_as(&json!({ "alg": name, "kid": "x" }), name, &claims());
        assert_eq!(tried(&issuer, &unknown, &expected()).unwrap_err(), Refused::UnknownKey);
    }
    // A signature that is right says another way than the one by which it was made.
    for (said, meant) in [("PS256", "RS256"), ("RS256", "PS256")] {
        let head = json!({ "alg": said, "kid": "rsa" });
        let token = issuer.sign_as(&head, meant, &claims());
        assert_eq!(tried(&issuer, &token, &expected()).unwrap_err(), Refused::Signature);
    }
    let head = json!({ "alg": "ES256", "kid": "rsa" });
    let token = issuer.sign_as(&head, "RS256", &claims());
    assert_eq!(tried(&issuer, &token, &expected()).unwrap_err(), Refused::UnknownKey);
}

#[test]
fn nothing_is_taken_that_nobody_signed() {
    let issuer = Issuer::new();
    let refused = |head: &Value, how: &str| {
        tried(&issuer, &issuer.sign_as(head, how, &claims()), &expected()).unwrap_err()
    };
    for name in ["none", "None", "NONE", "", "HS256", "HS512", "RS512", "ES384", "rs256"] {
        let head = json!({ "alg": name, "kid": "rsa" });
        assert_eq!(refused(&head, "none"), Refused::Algorithm(name.to_owned()));
    }
    // The public key as the secret of an HMAC.
    let head = json!({ "alg": "HS256", "kid": "rsa" });
    assert_eq!(refused(&head, "HS256"), Refused::Algorithm("HS256".to_owned()));
    let head = json!({ "alg": "RS256", "kid": "rsa" });
    assert_eq!(refused(&head, "HS256"), Refused::Signature);
    assert_eq!(refused(&head, "none"), Refused::Signature);
    // A key of one's own in the token.
    let own = json!({ "alg": "RS256", "kid": "rsa", "jwk": Issuer::new().published()["keys"][0] });
    assert_eq!(
        tried(&issuer, &Issuer::new().sign_as(&own, "RS256", &claims()), &expected()).unwrap_err(),
        Refused::Signature
    );
    // Claims that were changed after they were signed.
    let token = issuer.sign("ES256", &claims());
    let other = issuer.sign("ES256", &with("sub", json!("8")));
    let (head, signature) = (token.split_once('.').unwrap().0, token.rsplit_once('.').unwrap().1);
    let changed = format!("{head}.{}.{signature}", other.split('.').nth(1).unwrap());
    assert_eq!(tried(&issuer, &changed, &expected()).unwrap_err(), Refused::Signature);
}

#[test]
fn a_token_is_of_its_issuer_for_us_and_for_now() {
    let issuer = Issuer::new();
    let refused = |claims: &Value| taken(&issuer, claims).unwrap_err();
    for name in ["iss", "aud", "exp", "sub"] {
        assert_eq!(refused(&without(name)), Refused::Missing(name));
    }
    let others = "https://issuer.example/".to_owned();
    assert_eq!(refused(&with("iss", json!(others))), Refused::Issuer(others));
    for aud in [json!("posts"), json!(["a", "b"]), json!([])] {
        assert_eq!(refused(&with("aud", aud)), Refused::Audience("post".to_owned()));
    }
    assert!(taken(&issuer, &with("aud", json!(["a", "post"]))).is_ok());
    for claims in [json!([]), json!("x"), with("exp", json!("soon")), with("aud", json!(7))] {
        assert!(matches!(refused(&claims), Refused::Unreadable(_)), "{claims}");
    }
}

#[test]
fn clocks_may_differ_a_little() {
    let issuer = Issuer::new();
    for (exp, fine) in [(0, true), (-29, true), (-30, false), (-1_000, false)] {
        assert_eq!(taken(&issuer, &with("exp", json!(NOW + exp))).is_ok(), fine, "{exp}");
    }
    let over = taken(&issuer, &with("exp", json!(NOW - 60)));
    assert_eq!(over.unwrap_err(), Refused::Expired);
    assert!(taken(&issuer, &with("exp", json!(1_800_000_000.5))).is_ok());
    for (nbf, fine) in [(0, true), (30, true), (31, false)] {
        assert_eq!(taken(&issuer, &with("nbf", json!(NOW + nbf))).is_ok(), fine, "{nbf}");
    }
}

#[test]
fn a_token_is_of_its_kind() {
    let issuer = Issuer::new();
    let login = Expected { nonce: Some("n"), ..expected() };
    let answer = with("nonce", json!("n"));
    let of = |kind: &str, expected: &Expected<'_>| {
        let head = json!({ "alg": "ES256", "kid": "ec", "typ": kind });
        tried(&issuer, &issuer.sign_as(&head, "ES256", &answer), expected)
    };
    for (kind, api, id) in [
        ("JWT", true, true),
        ("application/at+JWT", true, false),
        ("at+jwt", true, false),
        ("logout+jwt", false, false),
        ("", false, false),
    ] {
        assert_eq!((of(kind, &expected()).is_ok(), of(kind, &login).is_ok()), (api, id), "{kind}");
    }
    let critical = json!({ "alg": "ES256", "kid": "ec", "crit": ["exp"] });
    let token = issuer.sign_as(&critical, "ES256", &answer);
    assert_eq!(tried(&issuer, &token, &login).unwrap_err(), Refused::Critical);
    let refused =
        |claims: &Value| tried(&issuer, &issuer.sign("RS256", claims), &login).unwrap_err();
    assert_eq!(refused(&claims()), Refused::Nonce);
    assert_eq!(refused(&with("nonce", json!("m"))), Refused::Nonce);
    let mut other = answer.clone();
    other["azp"] = json!("another");
    assert_eq!(refused(&other), Refused::Party);
}

#[test]
fn what_is_no_token_is_told_at_once() {
    let issuer = Issuer::new();
    let huge = with("more", json!("x".repeat(16 * 1024)));
    assert_eq!(taken(&issuer, &huge).unwrap_err(), Refused::Long);
    for text in ["", ".", "..", "a.b", "a.b.c.d", "a.b.c.d.e", "e30.e30.e30", "e30=.e30.", "é.é.é"]
    {
        assert!(matches!(SignedToken::parse(text), Err(Refused::Unreadable(_))), "{text}");
    }
    assert!(SignedToken::is_one("a.b.c") && !SignedToken::is_one("a.b.c.d.e"));
    // What is said twice may be read by others in another way.
    let head = URL_SAFE_NO_PAD.encode(br#"{"alg":"RS256","alg":"none"}"#);
    assert!(matches!(SignedToken::parse(&format!("{head}.e30.e30")), Err(Refused::Unreadable(_))));
    let claims = r#"{"iss":"https://issuer.example","aud":"post","sub":"7","exp":1,"exp":1e12}"#;
    let token = issuer.sign_text("RS256", claims);
    assert!(matches!(tried(&issuer, &token, &expected()).unwrap_err(), Refused::Unreadable(_)));
}
