//! An authority that issues certificates, with any dates, and takes them back.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The authority, as `openssl ca` keeps it.
#[derive(Debug)]
pub(crate) struct Authority {
    folder: TempDir,
}

/// A certificate and its key.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
}

const CONFIG: &str = "[ca]
default_ca = own
[own]
new_certs_dir = .
database = index.txt
serial = serial
crlnumber = crlnumber
crl_extensions = listed
certificate = ca.pem
private_key = ca-key.pem
default_md = sha256
default_days = 2
default_crl_days = 2
policy = any
unique_subject = no
copy_extensions = copy
[any]
commonName = optional
[listed]
authorityKeyIdentifier = keyid:always
";

impl Authority {
    pub(crate) fn new() -> Self {
        let own = Self { folder: TempDir::new().unwrap() };
        fs::write(own.file("ca.cnf"), CONFIG).unwrap();
        fs::write(own.file("index.txt"), "").unwrap();
        fs::write(own.file("serial"), "01").unwrap();
        fs::write(own.file("crlnumber"), "01").unwrap();
        own.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority \
             -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca-key.pem -out ca.pem",
        );
        own.revoke(None);
        own
    }

    /// Issues a certificate: its common name, and what else it says of its holder.
    pub(crate) fn issue(&self, name: &str, san: &str) -> Leaf {
        self.issue_until(name, san, "")
    }

    /// Issues one that is over.
    pub(crate) fn issue_expired(&self, name: &str, san: &str) -> Leaf {
        self.issue_until(name, san, "-startdate 20200101000000Z -enddate 20200201000000Z")
    }

    /// Issues one for so many days.
    pub(crate) fn issue_days(&self, name: &str, san: &str, days: u32) -> Leaf {
        self.issue_until(name, san, &format!("-days {days}"))
    }

    fn issue_until(&self, name: &str, san: &str, dates: &str) -> Leaf {
        self.openssl(&format!(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -addext \
             subjectAltName={san} -addext basicConstraints=critical,CA:FALSE -keyout {name}-key.pem \
             -out {name}.csr"
        ));
        self.openssl(&format!(
            "ca -config ca.cnf -batch -notext -in {name}.csr -out {name}.pem {dates}"
        ));
        let [certificate, key] = ["", "-key"].map(|part| self.file(&format!("{name}{part}.pem")));
        Leaf { certificate, key }
    }

    /// Takes a certificate back, if one is named, and lists what was taken back so far.
    pub(crate) fn revoke(&self, leaf: Option<&Leaf>) {
        if let Some(leaf) = leaf {
            let file = leaf.certificate.display();
            self.openssl(&format!("ca -config ca.cnf -batch -revoke {file}"));
        }
        self.list(2);
    }

    /// Lists what was taken back so far, for so many days.
    pub(crate) fn list(&self, days: u32) {
        self.openssl(&format!("ca -config ca.cnf -batch -gencrl -crldays {days} -out crl.pem"));
    }

    pub(crate) fn certificate(&self) -> PathBuf {
        self.file("ca.pem")
    }

    pub(crate) fn revoked(&self) -> PathBuf {
        self.file("crl.pem")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let made = openssl(self.folder.path(), arguments);
        assert!(made.status.success(), "{arguments}: {}", String::from_utf8_lossy(&made.stderr));
    }
}

fn openssl(folder: &Path, arguments: &str) -> std::process::Output {
    let mut command = Command::new("openssl");
    command.current_dir(folder).args(arguments.split_whitespace());
    command.output().unwrap_or_else(|error| panic!("openssl: {error}; run the tests by tests/run"))
}
