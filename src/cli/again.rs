//! Reading the configuration again, and who may ask by it.

use std::sync::Arc;

use anyhow::Context;

use crate::admin::{Admin, Admission, Door, Oidc, Place};
use crate::audit::ship::Own;
use crate::config::{self, Loaded, Origin, Problems};
use crate::proxy::Proxy;
use crate::tls::Trust;

/// What a reload needs.
pub(super) struct Again {
    pub(super) proxy: Arc<Proxy>,
    pub(super) asked: Arc<Admin>,
    pub(super) origin: Origin,
    pub(super) bound: Place,
    pub(super) secure: bool,
    pub(super) own: Own,
    pub(super) unread: Option<String>,
}

impl Again {
    /// Reads everything and puts nothing in force.
    pub(super) fn load(self) -> Result<(Loaded, Admission), String> {
        let loaded = config::load(&self.origin);
        let loaded = loaded.map_err(|problems: Problems| problems.to_string())?;
        let (door, place) = (&loaded.fixed.admin, (&self.bound, self.secure));
        let before = self.asked.admission();
        let admission = admission(door, place, self.proxy.trust(), &self.own, Some(&before));
        let admission = admission.map_err(|error| format!("{error:#}"))?;
        let admission = admission.after(&before, self.bound.is_local())?;
        let reloaded = self.proxy.authority().map_or(Ok(false), |authority| authority.reload());
        let unread = reloaded.err().map(|error| error.to_string()).or(self.unread);
        match unread {
            Some(why) if loaded.active.opening.opens() => {
                return Err(format!("tls.authority: {why}"));
            }
            Some(why) => warn_of_authority(&why),
            None => {}
        }
        Ok((loaded, admission))
    }
}

/// Who may ask where the listener is bound, with TLS or without. Their issuer is not asked before
/// somebody proves by it who they are.
pub(super) fn admission(
    door: &Door,
    (bound, secure): (&Place, bool),
    trust: &Trust,
    own: &Own,
    before: Option<&Admission>,
) -> anyhow::Result<Admission> {
    let oidc = door.access.oidc.clone().map(|settings| {
        let tls = settings.is_secure().then(|| trust.client(&settings.roots));
        let tls = tls.transpose().context("admin.oidc.roots")?;
        let (base, before) = (door.base(bound, secure), before.and_then(|one| one.oidc.as_deref()));
        anyhow::Ok(Arc::new(Oidc::new(settings, base, tls, own.clone(), before)))
    });
    let (access, acceptor) = (door.access.clone(), door.acceptor.clone());
    Ok(Admission { access, acceptor, oidc: oidc.transpose()? })
}

pub(super) fn warn_of_authority(why: &str) {
    tracing::warn!("tls.authority: {why}; no tunnel is opened, so that nothing needs it now");
}
