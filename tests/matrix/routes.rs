//! The routes that the router serves.

use std::collections::BTreeMap;

use axum::Router;

/// A method and a path.
pub type Endpoint = (String, String);

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every method of every path. axum exposes routes only in the router's `Debug` output; if that format changes, the assertion below fails.
pub fn endpoints(router: &Router) -> Vec<Endpoint> {
    let debug = format!("{router:?}");
    let (entries, paths) = debug.split_once("node: Node").expect("the debug output contains the routes and their paths");
    let paths: BTreeMap<&str, &str> = numbered(paths.split_once("fallback_router").expect("the debug output contains the fallback router").0)
        .filter_map(|(id, rest)| Some((id, rest.strip_prefix('"')?.split_once('"')?.0)))
        .collect();
    let of_route = |(id, rest): (&str, &str)| -> Vec<Endpoint> {
        let has = |method: &&&str| rest.contains(&format!("{method}: Route"));
        METHODS.iter().filter(has).map(|method| (method.to_uppercase(), paths[id].to_owned())).collect()
    };
    let mut endpoints: Vec<Endpoint> = numbered(entries).flat_map(of_route).collect();
    endpoints.sort();
    assert!(endpoints.contains(&("POST".to_owned(), "/api/v1/verify".to_owned())), "the debug output of axum's router has changed: {debug}");
    endpoints
}

/// `RouteId(7): …` as `("7", "…")`.
fn numbered(debug: &str) -> impl Iterator<Item = (&str, &str)> {
    debug.split("RouteId(").skip(1).filter_map(|piece| piece.split_once("): "))
}
