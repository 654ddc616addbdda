//! What the router really has.

use std::collections::BTreeMap;

use axum::Router;

/// A method and a path.
pub type Place = (String, String);

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// Every method of every path. The router tells it in its `Debug` form alone; should that change, nothing is found and the test fails.
pub fn places(router: &Router) -> Vec<Place> {
    let told = format!("{router:?}");
    let (entries, paths) = told.split_once("node: Node").expect("the router tells its routes and their paths");
    let paths: BTreeMap<&str, &str> = numbered(paths.split_once("fallback_router").expect("and what it falls back to").0)
        .filter_map(|(id, rest)| Some((id, rest.strip_prefix('"')?.split_once('"')?.0)))
        .collect();
    let of_route = |(id, rest): (&str, &str)| -> Vec<Place> {
        let has = |method: &&&str| rest.contains(&format!("{method}: Route"));
        METHODS.iter().filter(has).map(|method| (method.to_uppercase(), paths[id].to_owned())).collect()
    };
    let mut places: Vec<Place> = numbered(entries).flat_map(of_route).collect();
    places.sort();
    assert!(places.contains(&("POST".to_owned(), "/api/v1/verify".to_owned())), "the router tells its routes in another way now: {told}");
    places
}

/// `RouteId(7): …` as `("7", "…")`.
fn numbered(told: &str) -> impl Iterator<Item = (&str, &str)> {
    told.split("RouteId(").skip(1).filter_map(|piece| piece.split_once("): "))
}
