//! An authority and its successor.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

fn folder(made: &Made) -> PathBuf {
    made.authority.folder().unwrap()
}

#[test]
fn files_are_for_their_owner_and_nothing_is_written_over() {
    let made = made();
    let folder = folder(&made);
    let mode = |name: &str| fs::metadata(folder.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!((mode("."), mode("0001.key"), mode("0001.pem")), (0o700, 0o600, 0o644));
    let before = fs::read(folder.join("0001.key")).unwrap();
    let again = init(&folder, &wanted(10, &[]), Timestamp::now());
    assert!(matches!(again, Err(AuthorityError::Exists(_))));
    assert_eq!(fs::read(folder.join("0001.key")).unwrap(), before);
    let mut names: Vec<_> = fs::read_dir(folder.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["ca"], "nothing is left beside it");
}

#[test]
fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca");
    for (name, names) in [
        ("", &[][..]),
        ("a\nb", &[]),
        (&*"x".repeat(56), &[]),
        ("fine", &["192.0.2.1"]),
        ("fine", &["*.example.com"]),
        ("fine", &["a b"]),
    ] {
        let wanted = NewAuthority { name: name.to_owned(), ..wanted(10, names) };
        let refused = init(&path, &wanted, Timestamp::now());
        assert!(matches!(refused, Err(AuthorityError::Refused(_))), "{name} {names:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    let absent = Authority::load(&settings(AuthoritySource::Made(path.clone())));
    assert!(matches!(absent, Err(AuthorityError::Absent(_))));
    assert!(Authority::find(&settings(AuthoritySource::Made(path))).unwrap().is_none());
}

#[tokio::test]
async fn a_successor_is_published_before_it_signs_and_the_old_one_after_it_did() {
    let made = made_with(&wanted(3650, &["example.com"]), |_| {});
    let now = Timestamp::from_second(Timestamp::now().as_second()).unwrap();
    let at = |days: i32| now + DAY * days;
    let name = host("a.example.com");
    let issuer = |at| made.authority.state.load().signing(at).unwrap().chain.fingerprints();
    let old = issuer(now);
    made.authority.server_config_at(&name, Alpn::Http1, now).await.unwrap();
    let roots = made.authority.roots_pem();

    assert!(!made.authority.reload_at(now).unwrap(), "nothing is new");
    rotate(&folder(&made), DAY * 30, now).unwrap();
    assert!(made.authority.reload_at(now).unwrap());
    let both = made.authority.roots_pem();
    assert!(both.starts_with(&roots) && both.matches("BEGIN CERTIFICATE").count() == 2);
    let signs: Vec<_> = made.authority.views(now).iter().map(|view| view.signs).collect();
    assert_eq!(signs, [Signs::Now, Signs::From(at(30))]);
    assert_eq!(issuer(at(29)), old);
    let new = issuer(at(30));
    assert_ne!(new, old);
    assert!(matches!(
        rotate(&folder(&made), DAY, at(1)),
        Err(AuthorityError::Rotating { number: 2, .. })
    ));

    // The server of a name changes hands at the moment, not at the end of its certificate.
    let before = made.authority.server_config_at(&name, Alpn::Http1, at(29)).await.unwrap();
    let minted = made.authority.minted();
    let after = made.authority.server_config_at(&name, Alpn::Http1, at(30)).await.unwrap();
    assert_eq!(made.authority.minted(), minted + 1);
    assert!(!Arc::ptr_eq(&before, &after));

    // The last leaf of the old one can live until day 30 + 47.
    assert_eq!(made.authority.published_at(at(76)).len(), 2);
    assert_eq!(made.authority.published_at(at(78)).len(), 1);
    let later = Authority::load_at(&made.settings, at(40)).unwrap();
    let signs: Vec<_> = later.views(at(40)).iter().map(|view| view.signs).collect();
    assert_eq!(signs, [Signs::NoMore, Signs::Now]);
    assert_eq!(later.views(at(40))[1].constraints, later.views(at(40))[0].constraints);
    // Its key is needed no more, and neither is its certificate after a while.
    fs::remove_file(folder(&made).join("0001.key")).unwrap();
    assert_eq!(Authority::load_at(&made.settings, at(40)).unwrap().views(at(40)).len(), 2);
    fs::remove_file(folder(&made).join("0001.pem")).unwrap();
    assert_eq!(Authority::load_at(&made.settings, at(78)).unwrap().views(at(78)).len(), 1);
}

#[tokio::test]
async fn a_rotation_at_once_lets_nothing_of_the_old_resume() {
    let made = made();
    let name = host("a.example");
    let trusting = Arc::new(client(&made.authority.roots_pem()));
    let config = made.authority.server_config(&name, Alpn::Http1).await.unwrap();
    handshake(&trusting, &name, config).unwrap();
    rotate(&folder(&made), SignedDuration::ZERO, Timestamp::now()).unwrap();
    assert!(made.authority.reload().unwrap());
    let config = made.authority.server_config(&name, Alpn::Http1).await.unwrap();
    let refused = handshake(&trusting, &name, config).unwrap_err().to_string();
    assert!(refused.contains("UnknownIssuer"), "a full handshake, by the new one: {refused}");
    assert!(meet(&made, "a.example").await.is_ok());
}

#[test]
fn an_end_that_comes_near_is_told() {
    let made = made_with(&wanted(40, &[]), |_| {});
    let now = Timestamp::now();
    assert!(made.authority.notes(now).is_empty());
    let told = made.authority.notes(now + DAY * 11).concat();
    assert!(told.contains("ends in 28 days") || told.contains("ends in 29 days"), "{told}");
    let expired = Authority::load_at(&made.settings, now + DAY * 41).unwrap_err().to_string();
    assert!(expired.contains("ended at"), "{expired}");
    let late = rotate(&folder(&made), DAY * 41, now).unwrap_err().to_string();
    assert!(late.contains("take a shorter overlap"), "{late}");
    rotate(&folder(&made), DAY * 5, now).unwrap();
    made.authority.reload().unwrap();
    assert!(made.authority.notes(now + DAY * 4).is_empty(), "a successor waits");
}

#[tokio::test]
async fn an_authority_that_has_ended_signs_nothing() {
    let made = made_with(&wanted(40, &[]), |_| {});
    let late = Timestamp::now() + DAY * 41;
    let refused = made.authority.server_config_at(&host("a.example"), Alpn::Http1, late).await;
    assert!(matches!(refused, Err(MintError::Expired(_))));
}

#[test]
fn a_damaged_list_is_told() {
    let made = made();
    let book = folder(&made).join("ca.toml");
    for text in ["authority = []", "nonsense", "[[authority]]\nnumber = 1"] {
        fs::write(&book, text).unwrap();
        let error = Authority::load(&made.settings).unwrap_err();
        assert!(matches!(error, AuthorityError::Damaged { .. }), "{error}");
        assert!(made.authority.reload().is_err(), "what is in force stays");
    }
    assert_eq!(made.authority.published().len(), 1);
}
