//! Certificates of servers.

use x509_parser::prelude::{FromDer, GeneralName, ParsedExtension, X509Certificate};

use super::*;

#[tokio::test]
async fn clients_believe_names_and_addresses() {
    let made = made();
    let long = format!("{}.example.com", vec!["label"; 20].join("."));
    for to in ["api.example.com", "_odd.example", "192.0.2.7", "[2001:db8::7]", &long] {
        let (client, _) = meet(&made, to).await.unwrap_or_else(|error| panic!("{to}: {error}"));
        assert_eq!(client.peer_certificates().unwrap().len(), 1, "a root is not sent");
    }
    let config = made.authority.server_config(&host("a.example"), Alpn::Http1).await.unwrap();
    let trusting = Arc::new(client(&made.authority.roots_pem()));
    let wrong = handshake(&trusting, &host("b.example"), config);
    assert!(matches!(wrong, Err(rustls::Error::InvalidCertificate(_))), "of another name");
}

#[tokio::test]
async fn a_certificate_says_what_it_should_and_no_more() {
    let made = made();
    let (client, _) = meet(&made, "api.example.com").await.unwrap();
    let der = client.peer_certificates().unwrap()[0].clone();
    let (_, leaf) = X509Certificate::from_der(&der).unwrap();
    let root = &made.authority.published()[0];
    assert_eq!(leaf.issuer().as_raw(), root.subject_der);
    assert_ne!(leaf.public_key().raw, root.key, "never the authority's key");
    assert_eq!(leaf.subject().to_string(), "CN=api.example.com");
    assert!(leaf.extended_key_usage().unwrap().unwrap().value.server_auth);
    assert!(!leaf.extended_key_usage().unwrap().unwrap().value.client_auth);
    let usage = leaf.key_usage().unwrap().unwrap();
    assert!(usage.critical && usage.value.digital_signature() && !usage.value.key_cert_sign());
    let basic = leaf.basic_constraints().unwrap().unwrap();
    assert!(basic.critical && !basic.value.ca);
    let names = leaf.subject_alternative_name().unwrap().unwrap();
    assert_eq!(names.value.general_names, [GeneralName::DNSName("api.example.com")]);
    let (mut subject, mut authority, mut ids) = (None, None, Vec::new());
    for extension in leaf.iter_extensions() {
        ids.push(extension.oid.to_id_string());
        if let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() {
            subject = Some(id.0.to_owned());
        } else if let ParsedExtension::AuthorityKeyIdentifier(id) = extension.parsed_extension() {
            authority = id.key_identifier.as_ref().map(|id| id.0.to_owned());
        }
    }
    ids.sort();
    let wanted = ["2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.35", "2.5.29.37"];
    assert_eq!(ids, wanted, "no CRL, no OCSP, nothing else");
    assert_eq!(authority.as_ref(), Some(&root.key_id));
    assert_eq!(subject, Some(read::key_id_of(leaf.public_key().raw)));
    let now = Timestamp::now().as_second();
    let (from, until) =
        (leaf.validity().not_before.timestamp(), leaf.validity().not_after.timestamp());
    assert!((3_590..=3_660).contains(&(now - from)), "an hour back");
    assert_eq!(until - from + 1, 7 * 86_400);
}

#[tokio::test]
async fn names_too_long_for_a_common_name_stand_alone() {
    let made = made();
    let long = format!("{}.example", "x".repeat(63));
    let (client, _) = meet(&made, &long).await.unwrap();
    let der = client.peer_certificates().unwrap()[0].clone();
    let (_, leaf) = X509Certificate::from_der(&der).unwrap();
    assert_eq!(leaf.subject().to_string(), "");
    let named = leaf.extensions().iter().find(|one| one.oid.to_id_string() == "2.5.29.17");
    assert!(named.unwrap().critical, "RFC 5280 section 4.2.1.6");
}

#[tokio::test]
async fn serials_differ_and_are_positive() {
    let made = made();
    let mut seen = std::collections::HashSet::new();
    for number in 0..50 {
        let (client, _) = meet(&made, &format!("h{number}.example")).await.unwrap();
        let der = client.peer_certificates().unwrap()[0].clone();
        let (_, leaf) = X509Certificate::from_der(&der).unwrap();
        let serial = leaf.raw_serial().to_owned();
        assert!(serial[0] < 0x80 && (10..=17).contains(&serial.len()), "{serial:?}");
        assert!(seen.insert(serial));
    }
}

#[tokio::test]
async fn no_setting_makes_a_leaf_longer_than_47_days_or_than_its_authority() {
    let of = |wanted, days| made_with(&wanted, move |settings| settings.leaf_days = days);
    for (made, most) in [
        (of(wanted(3650, &[]), 400), 47 * 86_400),
        (of(wanted(3650, &[]), u32::MAX), 47 * 86_400),
        (of(wanted(3650, &[]), 0), 86_400),
        (of(wanted(2, &[]), 7), 2 * 86_400 + 3_600),
    ] {
        let (client, _) = meet(&made, "a.example").await.unwrap();
        let der = client.peer_certificates().unwrap()[0].clone();
        let (_, leaf) = X509Certificate::from_der(&der).unwrap();
        let valid = leaf.validity();
        let length = valid.not_after.timestamp() - valid.not_before.timestamp() + 1;
        assert!((most - 1..=most + 1).contains(&length), "{length} of {most}");
        let own = made.authority.published()[0].valid;
        assert!(valid.not_after.timestamp() <= own.until.as_second());
        assert!(valid.not_before.timestamp() >= own.from.as_second());
    }
}

#[tokio::test]
async fn what_no_certificate_can_carry_is_not_signed() {
    let made = made();
    let wildcard = made.authority.server_config(&host("*.example.com"), Alpn::Http1).await;
    assert_eq!(wildcard.unwrap_err(), MintError::Name("*.example.com".to_owned()));
    assert_eq!(made.authority.minted(), 0);
}

#[tokio::test]
async fn name_constraints_hold_here_and_at_the_client() {
    let made = made_with(&wanted(30, &["Example.com"]), |_| {});
    assert!(meet(&made, "a.example.com").await.is_ok());
    assert!(meet(&made, "example.com").await.is_ok());
    let state = made.authority.state.load_full();
    let issuer = state.signing(Timestamp::now()).unwrap();
    for outside in ["other.test", "badexample.com", "192.0.2.1", "[2001:db8::1]"] {
        let refused = made.authority.server_config(&host(outside), Alpn::Http1).await;
        assert_eq!(refused.unwrap_err(), MintError::Constrained(host(outside).to_string()));
        // And if it signed all the same, no client would take it.
        let (key, _) = key::generate().unwrap();
        let public = key.public_key().unwrap().to_vec();
        let valid = issuer.valid_for(DAY, Timestamp::now());
        let (leaf, _) = issuer.sign(&host(outside), &public, valid).unwrap();
        let certified = rustls::sign::CertifiedKey::new(vec![leaf], key);
        let config = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
        let trusting = Arc::new(client(&made.authority.roots_pem()));
        let told = handshake(&trusting, &host(outside), Arc::new(config)).unwrap_err().to_string();
        assert!(told.contains("NameConstraintViolation"), "{told}");
    }
    assert_eq!(
        made.authority.views(Timestamp::now())[0].constraints.to_string(),
        "example.com and below; not 0.0.0.0/0, ::/0"
    );
}
