//! Which of `[[routes]]` a request takes, and what that asks of its caller.
//!
//! The rule: the canonical path decides, which is the path that is sent. Of several routes the most specific counts, one
//! alone: a whole path before the beginning of one, a longer beginning before a shorter one, with methods before without.
//! Case doesn't matter, nor does a slash at the end of a whole path, since some backends ignore either; and a beginning that
//! ends in a slash (`/reports/*`) means the path without it, too, which many show the same page for. A route for `GET` is
//! one for `HEAD`, too, which asks for the same without its content (RFC 9110 §9.3.2).
//!
//! That case doesn't matter shuts more than was named, and must not open more: where a route asks for less than what the path
//! would take by its letters as they are, there is no telling what a request is for ([`Routes::is_opened_by_case`]).
//!
//! Routes are kept in a tree by the letters of their paths, so that finding one takes a step for each letter of the
//! request's path, however many routes there are.

use std::rc::Rc;

use http::Method;

use super::counts;
use crate::{
    config::{AuthPolicy, PathPattern, RouteSettings},
    model::Demands,
};

/// What is asked of callers at a path.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// What a request must show.
    pub(super) auth: AuthPolicy,
    /// What its caller must have beside; nothing on most paths.
    pub(super) demands: Option<Rc<Demands>>,
    /// There are routes: the backend must not take the request for one of another method than they were asked about.
    pub(super) is_routed: bool,
    /// Where requests of the route that says so are counted, if one does and has a place of its own.
    pub(super) counted: Option<usize>,
}

/// The routes, for finding the one of a request.
#[derive(Debug)]
pub(super) struct Routes {
    routes: Vec<Route>,
    in_any_case: Tree,
    as_spelt: Tree,
}

/// Their paths, by letters.
#[derive(Debug)]
struct Tree {
    /// Letters are told apart by case.
    has_case: bool,
    /// The first is the root. Empty if there are no routes.
    nodes: Vec<Node>,
}

#[derive(Debug)]
struct Route {
    auth: Option<AuthPolicy>,
    demands: Option<Rc<Demands>>,
    counted: Option<usize>,
}

/// What begins with the letters that led here.
#[derive(Debug, Default)]
struct Node {
    /// The next letter, in lower case where case doesn't matter, and where it leads; sorted.
    next: Vec<(u8, usize)>,
    /// Of the path that ends here.
    whole: ByMethod,
    /// Of the same, by a beginning that goes on with nothing but a slash.
    folder: ByMethod,
    /// Of every path that comes by.
    beginning: ByMethod,
}

/// Routes of one path, by their places.
#[derive(Debug, Default)]
struct ByMethod {
    listed: Vec<(Method, usize)>,
    any: Option<usize>,
}

impl Routes {
    pub(super) fn new(settings: &[RouteSettings]) -> Self {
        let route = |(settings, counted): (&RouteSettings, Option<usize>)| {
            let demands = (!settings.demands.is_empty()).then(|| Rc::new(settings.demands.clone()));
            Route { auth: settings.auth, demands, counted }
        };
        Self {
            routes: settings.iter().zip(counts::places(settings)).map(route).collect(),
            in_any_case: Tree::new(settings, false),
            as_spelt: Tree::new(settings, true),
        }
    }

    /// The place of the route that a request by this method for this path takes.
    pub(super) fn find(&self, path: &str, method: &Method) -> Option<usize> {
        self.in_any_case.find(path, method)
    }

    /// Whether the route that was found asks for less than the one that is spelt as the path is, or than the listener where
    /// none is: the backend may tell the two apart.
    pub(super) fn is_opened_by_case(&self, found: usize, path: &str, method: &Method, listener: AuthPolicy) -> bool {
        let spelt = self.as_spelt.find(path, method);
        if spelt == Some(found) {
            return false;
        }
        let (found, spelt) = (self.terms(Some(found), listener), self.terms(spelt, listener));
        strictness(found.auth) < strictness(spelt.auth) || (spelt.demands.is_some() && found.demands != spelt.demands)
    }

    /// What is asked by this route, or by none, where the listener asks for this.
    pub(super) fn terms(&self, route: Option<usize>, listener: AuthPolicy) -> Terms {
        let route = route.and_then(|place| self.routes.get(place));
        Terms {
            auth: route.and_then(|route| route.auth).unwrap_or(listener),
            demands: route.and_then(|route| route.demands.clone()),
            is_routed: !self.routes.is_empty(),
            counted: route.and_then(|route| route.counted),
        }
    }
}

const fn strictness(policy: AuthPolicy) -> u8 {
    match policy {
        AuthPolicy::None => 0,
        AuthPolicy::Optional => 1,
        AuthPolicy::Required => 2,
    }
}

impl Tree {
    fn new(settings: &[RouteSettings], has_case: bool) -> Self {
        let mut tree = Self { has_case, nodes: Vec::new() };
        for (place, RouteSettings { path, methods, .. }) in settings.iter().enumerate() {
            match path {
                PathPattern::Exact(path) => tree.node(path).whole.add(methods, place),
                PathPattern::Prefix(path) => {
                    tree.node(path).beginning.add(methods, place);
                    if let Some(folder) = path.strip_suffix('/') {
                        tree.node(folder).folder.add(methods, place);
                    }
                }
            }
        }
        tree
    }

    const fn letter(&self, letter: u8) -> u8 {
        if self.has_case { letter } else { letter.to_ascii_lowercase() }
    }

    fn find(&self, path: &str, method: &Method) -> Option<usize> {
        let mut node = self.nodes.first()?;
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let end = path.strip_suffix('/').unwrap_or(path).len();
        let mut found = node.beginning.of(method);
        for (at, letter) in path.bytes().enumerate() {
            if at == end
                && let Some(whole) = node.whole.of(method)
            {
                return Some(whole);
            }
            let Some(next) = node.after(self.letter(letter)) else { return found };
            node = &self.nodes[next];
            found = node.beginning.of(method).or(found);
        }
        // The slash at the end was not looked past: no whole path has one.
        if end == path.len() { node.whole.of(method).or(node.folder.of(method)).or(found) } else { found }
    }

    /// The node of these letters, made where it is missing.
    fn node(&mut self, path: &str) -> &mut Node {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        for letter in path.bytes() {
            let letter = self.letter(letter);
            at = match self.nodes[at].next.binary_search_by_key(&letter, |(letter, _)| *letter) {
                Ok(known) => self.nodes[at].next[known].1,
                Err(place) => {
                    let new = self.nodes.len();
                    self.nodes.push(Node::default());
                    self.nodes[at].next.insert(place, (letter, new));
                    new
                }
            };
        }
        &mut self.nodes[at]
    }
}

impl Node {
    fn after(&self, letter: u8) -> Option<usize> {
        self.next.binary_search_by_key(&letter, |(letter, _)| *letter).ok().map(|place| self.next[place].1)
    }
}

impl ByMethod {
    /// No two routes are for the same: that is seen to where they are read.
    fn add(&mut self, methods: &[Method], place: usize) {
        if methods.is_empty() {
            self.any = Some(place);
        }
        self.listed.extend(methods.iter().map(|method| (method.clone(), place)));
    }

    fn of(&self, method: &Method) -> Option<usize> {
        let listed = self.listed.iter().find(|(listed, _)| listed == method);
        listed.map(|(_, place)| *place).or(self.any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(path: &str, methods: &[Method]) -> RouteSettings {
        let path = match path.strip_suffix('*') {
            Some(beginning) => PathPattern::Prefix(beginning.to_owned()),
            None => PathPattern::Exact(path.strip_suffix('/').unwrap_or(path).to_owned()),
        };
        RouteSettings { path, methods: methods.to_vec(), auth: None, demands: Demands::default() }
    }

    fn routes(paths: &[(&str, &[Method])]) -> Routes {
        Routes::new(&paths.iter().map(|(path, methods)| route(path, methods)).collect::<Vec<_>>())
    }

    #[test]
    fn the_most_specific_route_counts_wherever_it_stands() {
        let mut paths: Vec<(&str, &[Method])> = vec![
            ("/a/b", &[]),
            ("/a/b", &[Method::POST]),
            ("/a/b*", &[Method::GET]),
            ("/a/*", &[]),
            ("/a*", &[Method::GET]),
            ("/*", &[]),
        ];
        for _ in 0..paths.len() {
            paths.rotate_left(1);
            let routes = routes(&paths);
            let taken = |method: Method, path: &str| routes.find(path, &method).map(|place| paths[place]);
            assert_eq!(taken(Method::POST, "/a/b"), Some(("/a/b", [Method::POST].as_slice())));
            assert_eq!(taken(Method::GET, "/a/b/"), Some(("/a/b", [].as_slice())));
            assert_eq!(taken(Method::GET, "/a/bc"), Some(("/a/b*", [Method::GET].as_slice())));
            assert_eq!(taken(Method::PUT, "/a/bc"), Some(("/a/*", [].as_slice())), "a longer one for other methods");
            assert_eq!(taken(Method::GET, "/ab"), Some(("/a*", [Method::GET].as_slice())));
            assert_eq!(taken(Method::PUT, "/ab"), Some(("/*", [].as_slice())));
            for path in ["/a", "/a/"] {
                assert_eq!(taken(Method::GET, path), Some(("/a/*", [].as_slice())), "{path}");
            }
        }
    }

    #[test]
    fn case_and_a_slash_at_the_end_do_not_matter() {
        let routes = routes(&[("/Admin/", &[]), ("/x/*", &[]), ("/", &[])]);
        for path in ["/admin", "/ADMIN", "/admin/", "/aDmin/"] {
            assert_eq!(routes.find(path, &Method::GET), Some(0), "{path}");
        }
        for path in ["/X/", "/x/y", "/x/y/", "/x", "/X"] {
            assert_eq!(routes.find(path, &Method::GET), Some(1), "{path}");
        }
        assert_eq!(routes.find("/", &Method::GET), Some(2));
        for path in ["/admi", "/admins", "/admin/x", "/xy", "*"] {
            assert_eq!(routes.find(path, &Method::GET), None, "{path}");
        }
        assert_eq!(Routes::new(&[]).find("/", &Method::GET), None);
    }

    #[test]
    fn a_beginning_with_a_slash_at_its_end_is_less_than_the_whole_path_without() {
        let routes = routes(&[("/a/*", &[]), ("/a", &[Method::POST]), ("/*", &[])]);
        let find = |method, path| routes.find(path, &method);
        for path in ["/a", "/a/"] {
            assert_eq!((find(Method::POST, path), find(Method::GET, path)), (Some(1), Some(0)), "{path}");
        }
        assert_eq!(
            (find(Method::POST, "/a/b"), find(Method::GET, "/ab"), find(Method::GET, "/")),
            (Some(0), Some(2), Some(2))
        );
    }

    #[test]
    fn another_case_shuts_and_does_not_open() {
        let with = |path: &str, auth, mfa| RouteSettings {
            auth,
            demands: Demands { mfa, ..Demands::default() },
            ..route(path, &[])
        };
        let routes = Routes::new(&[
            with("/api*", Some(AuthPolicy::Required), true),
            with("/api/Public*", None, false),
            with("/open*", Some(AuthPolicy::None), false),
            with("/admin", Some(AuthPolicy::Required), false),
        ]);
        let opened = |path: &str, listener| {
            let found = routes.find(path, &Method::GET).unwrap();
            routes.is_opened_by_case(found, path, &Method::GET, listener)
        };
        for path in ["/api/public", "/api/PUBLIC/x", "/OPEN"] {
            assert!(opened(path, AuthPolicy::Required), "{path}");
        }
        assert!(opened("/OPEN", AuthPolicy::Optional) && !opened("/OPEN", AuthPolicy::None));
        for path in ["/api/Public", "/api/Publication", "/API/x", "/api", "/open/x", "/ADMIN/", "/admin"] {
            assert!(!opened(path, AuthPolicy::Optional), "{path}");
        }
    }

    #[test]
    fn head_is_a_get() {
        let routes = routes(&[("/a", &[Method::GET])]);
        let find = |method| routes.find("/a", &method);
        assert_eq!((find(Method::GET), find(Method::HEAD), find(Method::POST)), (Some(0), Some(0), None));
    }

    /// Held against asking each of a thousand routes.
    #[test]
    fn a_tree_finds_what_a_list_would() {
        let paths: Vec<String> =
            (0..1_000_u32).map(|n| format!("/{}/{}{}", n % 7, n * 37 % 101, ["*", "", "/*"][n as usize % 3])).collect();
        let settings: Vec<RouteSettings> = paths.iter().map(|path| route(path, &[])).collect();
        let routes = Routes::new(&settings);
        let listed = |path: &str| {
            let matching = settings.iter().filter(|route| route.path.matches(path));
            let specific = |route: &&RouteSettings| match &route.path {
                PathPattern::Exact(_) => usize::MAX,
                PathPattern::Prefix(beginning) => beginning.len(),
            };
            matching.max_by_key(specific).map(|route| route.path.clone())
        };
        let mut found = 0;
        for n in 0..2_000_u32 {
            let path = format!("/{}/{}{}", n % 8, n % 211, ["", "/", "/x"][n as usize % 3]);
            let taken = routes.find(&path, &Method::GET).map(|place| settings[place].path.clone());
            assert_eq!(taken, listed(&path), "{path}");
            found += usize::from(taken.is_some());
        }
        assert!((200..1_800).contains(&found), "{found}");
    }
}
