//! A customer's own authority.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use rustls::pki_types::CertificateDer;
use rustls::sign::SigningKey;

use super::super::draft::{self, Draft, Signer};
use super::super::{der, read};
use super::*;

/// A key, its name, and its certificate.
struct Party {
    name: Vec<u8>,
    key: Arc<dyn SigningKey>,
    octets: Vec<u8>,
    certificate: CertificateDer<'static>,
}

/// `DC=test, DC=corp, CN=...`: as Active Directory calls its authorities.
fn directory_name(common: &str) -> Vec<u8> {
    let domain = [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25];
    let part = |id: &[u8], value: Vec<u8>| der::set(&der::sequence(&[&der::object(id), &value]));
    let ia5 = |text: &str| der::value(0x16, &[text.as_bytes()]);
    der::sequence(&[
        &part(&domain, ia5("test")),
        &part(&domain, ia5("corp")),
        &part(&draft::COMMON_NAME, der::text(common)),
    ])
}

/// What may be wrong with an authority.
#[derive(Clone, Copy)]
struct Shape {
    is_authority: bool,
    signs: bool,
    path_length: Option<u8>,
    days: (i32, i32),
}

const RIGHT: Shape = Shape { is_authority: true, signs: true, path_length: None, days: (-1, 400) };

fn party(common: &str, by: Option<&Party>, shape: Shape) -> Party {
    let (key, octets) = key::generate().unwrap();
    party_with(common, by, shape, key, octets)
}

fn party_with(
    common: &str,
    by: Option<&Party>,
    shape: Shape,
    key: Arc<dyn SigningKey>,
    octets: Vec<u8>,
) -> Party {
    let name = directory_name(common);
    let public = key.public_key().unwrap().to_vec();
    let now = Timestamp::now();
    let valid = Validity { from: now + DAY * shape.days.0, until: now + DAY * shape.days.1 };
    let length = shape.path_length.map(|length| der::integer(&[length])).unwrap_or_default();
    let flag: &[u8] = if shape.is_authority { &der::TRUE } else { &[] };
    let basic = der::sequence(&[flag, &length]);
    let usage = if shape.signs { 0b0000_0110 } else { 0b0000_0010 };
    let extensions = [
        draft::extension(&draft::BASIC_CONSTRAINTS, true, &basic),
        draft::extension(&draft::KEY_USAGE, true, &[0x03, 2, 1, usage]),
        draft::subject_key_id(&public),
    ];
    let (issuer, signing) = by.map_or((&name, &key), |by| (&by.name, &by.key));
    let draft = Draft { issuer, subject: &name, key: &public, valid, extensions: &extensions };
    let certificate = Signer::new(Arc::clone(signing)).unwrap().sign(&draft).unwrap();
    Party { name, key, octets, certificate }
}

fn files(folder: &Path, chain: &[&Party], key: &Party) -> AuthoritySettings {
    let (certificate, path) = (folder.join("chain.pem"), folder.join("ca.key"));
    let text: String = chain.iter().map(|one| key::pem("CERTIFICATE", &one.certificate)).collect();
    fs::write(&certificate, text).unwrap();
    fs::write(&path, key::pem("PRIVATE KEY", &key.octets)).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    settings(AuthoritySource::Given { certificate, key: KeySource::File(path) })
}

fn loaded(chain: &[&Party], key: &Party) -> Result<Made, AuthorityError> {
    let folder = tempfile::tempdir().unwrap();
    let settings = files(folder.path(), chain, key);
    let authority = Authority::load(&settings)?;
    Ok(Made { _folder: folder, settings, authority })
}

#[tokio::test]
async fn an_intermediate_is_sent_and_its_root_is_not() {
    let root = party("Root", None, RIGHT);
    let issuing = party("Issuing", Some(&root), Shape { path_length: Some(0), ..RIGHT });
    for chain in [&[&issuing, &root][..], &[&issuing]] {
        let made = loaded(chain, &issuing).unwrap();
        let config = made.authority.server_config(&host("a.example"), Alpn::Http1).await.unwrap();
        // Whatever the file holds, clients that trust the root believe what they see.
        let trusting = Arc::new(client(&key::pem("CERTIFICATE", &root.certificate)));
        let (client, _) = handshake(&trusting, &host("a.example"), config).unwrap();
        let seen = client.peer_certificates().unwrap();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[1], issuing.certificate);
        let leaf = read::Certificate::read(seen[0].clone()).unwrap();
        assert_eq!(leaf.issuer_der, issuing.name, "both domain components, in their order");
        let view = &made.authority.views(Timestamp::now())[0];
        assert!(view.subject.contains("Issuing"), "{}", view.subject);
        assert_eq!(view.root.is_some(), chain.len() == 2);
    }
}

#[tokio::test]
async fn an_authority_with_an_rsa_key_signs_too() {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let octets = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
    let octets = octets.as_ref().to_vec();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(octets.clone());
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key.into()).unwrap();
    let root = party_with("RSA root", None, RIGHT, key, octets);
    let made = loaded(&[&root], &root).unwrap();
    let state = made.authority.state.load_full();
    assert!(state.signing(Timestamp::now()).unwrap().is_slow(), "so it is signed elsewhere");
    assert!(meet(&made, "a.example").await.is_ok());
}

#[test]
fn what_could_not_sign_is_refused() {
    let root = party("Root", None, RIGHT);
    let refused =
        |chain: &[&Party], key: &Party| loaded(chain, key).map(drop).unwrap_err().to_string();
    let told = |shape: Shape| {
        let wrong = party("Wrong", None, shape);
        refused(&[&wrong], &wrong)
    };
    let leaf = told(Shape { is_authority: false, ..RIGHT });
    assert!(leaf.contains("basicConstraints lacks CA:TRUE"), "{leaf}");
    let usage = told(Shape { signs: false, ..RIGHT });
    assert!(usage.contains("keyUsage lacks keyCertSign"), "{usage}");
    let over = told(Shape { days: (-10, -1), ..RIGHT });
    assert!(over.contains("it ended at") && over.contains("renew it"), "{over}");
    let early = told(Shape { days: (1, 10), ..RIGHT });
    assert!(early.contains("is the clock right?"), "{early}");

    let other = party("Root", None, RIGHT);
    let key = refused(&[&root], &other);
    assert!(key.contains("the key is not the one of this certificate"), "{key}");
    let issuing = party("Issuing", Some(&root), RIGHT);
    let order = refused(&[&root, &issuing], &root);
    assert!(order.contains("it did not issue"), "{order}");
    let forged = refused(&[&issuing, &other], &issuing);
    assert!(forged.contains("clients would not believe"), "another root of that name: {forged}");
    let short = party("Short", None, Shape { path_length: Some(0), ..RIGHT });
    let below = party("Below", Some(&short), RIGHT);
    let lower = party("Lower", Some(&below), RIGHT);
    let path = refused(&[&lower, &below, &short], &lower);
    assert!(path.contains("no more than 0 authorities may stand below it"), "{path}");
}

#[test]
fn files_without_what_they_should_hold_are_told() {
    let root = party("Root", None, RIGHT);
    let folder = tempfile::tempdir().unwrap();
    let settings = files(folder.path(), &[&root], &root);
    fs::set_permissions(folder.path().join("ca.key"), fs::Permissions::from_mode(0o640)).unwrap();
    let open = Authority::load(&settings).unwrap_err().to_string();
    assert!(open.contains("chmod 600"), "{open}");
    fs::write(folder.path().join("chain.pem"), "nothing").unwrap();
    let none = Authority::load(&settings).unwrap_err();
    assert!(matches!(none, AuthorityError::NoCertificate(_)), "{none}");
    fs::remove_file(folder.path().join("chain.pem")).unwrap();
    let missing = Authority::load(&settings).unwrap_err();
    assert!(matches!(missing, AuthorityError::File { .. }), "{missing}");
    let AuthoritySource::Given { certificate, .. } = settings.source else { unreachable!() };
    let key = KeySource::Variable("BORDERPOST_NO_SUCH_VARIABLE".to_owned());
    fs::write(&certificate, key::pem("CERTIFICATE", &root.certificate)).unwrap();
    let unset = Issuer::load(&certificate, &key, Timestamp::now()).unwrap_err();
    assert!(matches!(unset, AuthorityError::Unset(_)), "{unset}");
}
