//! The one table of paths: what they are, what they do, and who may. The description of the
//! interface (`openapi.json`) is held against it by a test.

use http::Method;

use super::role::Role;

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Plain(Plain),
    Sessions(Sessions),
    Desk(Desk),
    Login(Login),
    Records(Records),
    Works(Works),
}

/// What clients, machines and browsers fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Plain {
    Bundle,
    Ca,
    Description,
    Home,
    Live,
    Metrics,
    Pac,
    Ready,
    Ui,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sessions {
    Login,
    Logout,
    Ways,
    Who,
}

/// Steps of a login at an issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Login {
    Begin,
    Back,
}

/// What people decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Desk {
    Approve,
    Close,
    Deny,
    Holds,
    Reports,
}

/// What was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Records {
    Decision,
    Decisions,
    Export,
    Proof,
    Series,
    Stream,
    Top,
}

/// How the proxy stands and what is in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Works {
    Journal,
    Level,
    Meters,
    Policy,
    Rates,
    Readings,
    Reload,
    SetLevel,
    Status,
    Test,
    Verify,
    WhatIf,
}

/// One row.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) method: Method,
    /// `{id}` stands for one segment, `{file}` for all that follow.
    pub(super) path: &'static str,
    /// The least role; nobody need prove anything where there is none.
    pub(super) role: Option<Role>,
    pub(super) op: Op,
}

/// What a path leads to.
#[derive(Debug)]
pub(super) enum Found<'p> {
    /// A route, and what stands for its placeholder.
    Route(&'static Route, &'p str),
    /// The path takes other methods.
    Methods(Vec<&'static Method>),
    Nothing,
}

const fn get(path: &'static str, role: Option<Role>, op: Op) -> Route {
    Route { method: Method::GET, path, role, op }
}

const fn post(path: &'static str, role: Option<Role>, op: Op) -> Route {
    Route { method: Method::POST, path, role, op }
}

const NOBODY: Option<Role> = None;
const VIEWER: Option<Role> = Some(Role::Viewer);
const AUDITOR: Option<Role> = Some(Role::Auditor);
const ADMIN: Option<Role> = Some(Role::Admin);

/// Every route; of two that fit the first counts.
pub(super) static ROUTES: [Route; 39] = [
    get("/", NOBODY, Op::Plain(Plain::Home)),
    get("/ui/{file}", NOBODY, Op::Plain(Plain::Ui)),
    get("/ca.pem", NOBODY, Op::Plain(Plain::Ca)),
    get("/ca-bundle.pem", NOBODY, Op::Plain(Plain::Bundle)),
    get("/livez", NOBODY, Op::Plain(Plain::Live)),
    get("/metrics", VIEWER, Op::Plain(Plain::Metrics)),
    get("/proxy.pac", NOBODY, Op::Plain(Plain::Pac)),
    get("/readyz", NOBODY, Op::Plain(Plain::Ready)),
    get("/oidc/login", NOBODY, Op::Login(Login::Begin)),
    get("/oidc/callback", NOBODY, Op::Login(Login::Back)),
    get("/api/v1/openapi.json", NOBODY, Op::Plain(Plain::Description)),
    get("/api/v1/session", VIEWER, Op::Sessions(Sessions::Who)),
    post("/api/v1/session", NOBODY, Op::Sessions(Sessions::Login)),
    Route {
        method: Method::DELETE,
        path: "/api/v1/session",
        role: NOBODY,
        op: Op::Sessions(Sessions::Logout),
    },
    get("/api/v1/session/ways", NOBODY, Op::Sessions(Sessions::Ways)),
    get("/api/v1/status", VIEWER, Op::Works(Works::Status)),
    get("/api/v1/rates", VIEWER, Op::Works(Works::Rates)),
    get("/api/v1/decisions", VIEWER, Op::Records(Records::Decisions)),
    get("/api/v1/decisions/stream", VIEWER, Op::Records(Records::Stream)),
    get("/api/v1/decisions/export", VIEWER, Op::Records(Records::Export)),
    get("/api/v1/decisions/{id}", VIEWER, Op::Records(Records::Decision)),
    get("/api/v1/decisions/{id}/proof", AUDITOR, Op::Records(Records::Proof)),
    get("/api/v1/top", VIEWER, Op::Records(Records::Top)),
    get("/api/v1/series", VIEWER, Op::Records(Records::Series)),
    get("/api/v1/meters", VIEWER, Op::Works(Works::Meters)),
    get("/api/v1/policy", VIEWER, Op::Works(Works::Policy)),
    post("/api/v1/policy/test", VIEWER, Op::Works(Works::Test)),
    post("/api/v1/policy/whatif", AUDITOR, Op::Works(Works::WhatIf)),
    get("/api/v1/journal", VIEWER, Op::Works(Works::Journal)),
    get("/api/v1/journal/readings", AUDITOR, Op::Works(Works::Readings)),
    post("/api/v1/journal/verify", AUDITOR, Op::Works(Works::Verify)),
    get("/api/v1/holds", VIEWER, Op::Desk(Desk::Holds)),
    post("/api/v1/holds/{id}/approve", ADMIN, Op::Desk(Desk::Approve)),
    post("/api/v1/holds/{id}/deny", ADMIN, Op::Desk(Desk::Deny)),
    get("/api/v1/reports", VIEWER, Op::Desk(Desk::Reports)),
    post("/api/v1/reports/{id}/close", ADMIN, Op::Desk(Desk::Close)),
    post("/api/v1/reload", ADMIN, Op::Works(Works::Reload)),
    get("/api/v1/log-level", VIEWER, Op::Works(Works::Level)),
    Route {
        method: Method::PUT,
        path: "/api/v1/log-level",
        role: ADMIN,
        op: Op::Works(Works::SetLevel),
    },
];

/// Finds what a request asks for; `HEAD` is `GET` without the body, which the connection leaves out.
pub(super) fn find<'p>(method: &Method, path: &'p str) -> Found<'p> {
    let wanted = if *method == Method::HEAD { &Method::GET } else { method };
    let fits = || ROUTES.iter().filter_map(|route| Some((route, held(route.path, path)?)));
    // A path that is written out is no other's placeholder.
    let Some((first, _)) = fits().next() else { return Found::Nothing };
    let same = || fits().filter(|(route, _)| route.path == first.path);
    match same().find(|(route, _)| route.method == *wanted) {
        Some((route, held)) => Found::Route(route, held),
        None => Found::Methods(same().map(|(route, _)| &route.method).collect()),
    }
}

/// What stands in a path for the placeholder of a pattern, where it fits.
fn held<'p>(pattern: &str, path: &'p str) -> Option<&'p str> {
    let Some((before, rest)) = pattern.split_once('{') else {
        return (pattern == path).then_some("");
    };
    let (name, after) = rest.split_once('}')?;
    let held = path.strip_prefix(before)?.strip_suffix(after)?;
    let fits = !held.is_empty() && (name == "file" || !held.contains('/'));
    fits.then_some(held)
}

/// The table as text, for who asks by hand.
pub(super) fn as_text() -> String {
    let mut text = "borderpost admin\n\n".to_owned();
    for Route { method, path, .. } in &ROUTES {
        text.push_str(&format!("{:<6} {path}\n", method.as_str()));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    fn description() -> Value {
        serde_json::from_str(super::super::DESCRIPTION).unwrap()
    }

    /// Every route is described, and nothing else is, with the same role.
    #[test]
    fn the_description_and_the_table_are_the_same() {
        let description = description();
        let mut described = BTreeSet::new();
        for (path, item) in description["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let role = operation["x-role"].as_str().unwrap();
                described.insert((path.clone(), method.to_uppercase(), role.to_owned()));
                let open = operation["security"].as_array().unwrap().is_empty();
                assert_eq!(open, role == "none", "{method} {path}");
            }
        }
        let routes = ROUTES.iter().map(|route| {
            let role = route.role.map_or("none", Role::name);
            (route.path.to_owned(), route.method.to_string(), role.to_owned())
        });
        assert_eq!(described, routes.collect());
    }

    #[test]
    fn references_of_the_description_lead_somewhere() {
        fn each(value: &Value, tell: &mut impl FnMut(&str)) {
            match value {
                Value::Object(fields) => {
                    for (name, inner) in fields {
                        if let Some(target) = inner.as_str().filter(|_| name == "$ref") {
                            tell(target);
                        }
                        each(inner, tell);
                    }
                }
                Value::Array(items) => items.iter().for_each(|inner| each(inner, tell)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let description = description();
        let mut count = 0;
        each(&description, &mut |target| {
            count += 1;
            let place = target.strip_prefix('#').unwrap();
            assert!(description.pointer(place).is_some(), "{target}");
        });
        assert!(count > 100, "{count}");
    }

    #[test]
    fn a_path_leads_to_its_route() {
        let op = |method: &Method, path: &str| match find(method, path) {
            Found::Route(route, held) => Some((route.op, held.to_owned())),
            Found::Methods(_) | Found::Nothing => None,
        };
        let one = |op: Op, held: &str| Some((op, held.to_owned()));
        assert_eq!(
            op(&Method::GET, "/api/v1/decisions/stream"),
            one(Op::Records(Records::Stream), "")
        );
        assert_eq!(
            op(&Method::HEAD, "/api/v1/decisions/a-1"),
            one(Op::Records(Records::Decision), "a-1")
        );
        assert_eq!(
            op(&Method::GET, "/api/v1/decisions/a-1/proof"),
            one(Op::Records(Records::Proof), "a-1")
        );
        assert_eq!(op(&Method::GET, "/ui/a/b.js"), one(Op::Plain(Plain::Ui), "a/b.js"));
        for path in ["", "/api", "/api/v1/decisions/", "/api/v1/decisions/a/b", "/ui/", "/livez/"] {
            assert!(matches!(find(&Method::GET, path), Found::Nothing), "{path}");
        }
        let Found::Methods(methods) = find(&Method::PATCH, "/api/v1/session") else { panic!() };
        assert_eq!(methods, [&Method::GET, &Method::POST, &Method::DELETE]);
        assert!(matches!(find(&Method::POST, "/api/v1/decisions/stream"), Found::Methods(_)));
    }
}
