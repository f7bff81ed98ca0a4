//! The routes that are counted by themselves: each has a place, the same on every core, for as long as the process lives.
//!
//! Those of the start have one, and those that a reload brings, up to [`LATER`]: a file that is written by a machine, with other
//! routes each time, would have the page of metrics grow for ever. One that comes back is where it was.

use std::{collections::HashMap, sync::Arc};

use http::Method;

use super::Route;
use crate::config::{PathPattern, RouteSettings};

/// Routes that there were not at the start and that are counted by themselves.
const LATER: usize = 1000;

/// The names that have places.
#[derive(Debug)]
pub(super) struct Names {
    /// Those of the configured ones.
    all: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
    /// So many at most.
    most: usize,
    /// That there are too many has been told.
    is_told: bool,
}

impl Names {
    /// Those of these routes, and room for others.
    pub(super) fn of(routes: &[RouteSettings]) -> Self {
        let most = routes.len() + LATER;
        let mut names = Self { all: Vec::new(), places: HashMap::new(), most, is_told: false };
        for route in routes {
            names.place_of(route);
        }
        names
    }

    /// The place of this route, which it gets if there is one left.
    pub(super) fn place_of(&mut self, route: &RouteSettings) -> Option<usize> {
        let name: Arc<str> = name(route).into();
        if let Some(place) = self.places.get(&name) {
            return Some(*place);
        }
        let place = self.all.len();
        if place >= self.most {
            if !self.is_told {
                tracing::warn!(route = %name, "so many routes have come that further ones are counted among the others");
            }
            self.is_told = true;
            return None;
        }
        self.all.push(Arc::clone(&name));
        self.places.insert(name, place);
        Some(place)
    }

    /// How many places there are, with those that there are always.
    pub(super) fn count(&self) -> usize {
        Route::ALWAYS.len() + self.all.len()
    }

    /// By their places, with those that there are always.
    pub(super) fn all(&self) -> Vec<Arc<str>> {
        Route::ALWAYS.into_iter().map(Arc::from).chain(self.all.iter().cloned()).collect()
    }
}

/// As it stands in the file: `/reports*`, `GET,POST /reports`.
fn name(route: &RouteSettings) -> String {
    let methods: Vec<&str> = route.methods.iter().map(Method::as_str).collect();
    let (path, more) = match &route.path {
        PathPattern::Exact(path) => (path, ""),
        PathPattern::Prefix(path) => (path, "*"),
    };
    let space = if methods.is_empty() { "" } else { " " };
    format!("{}{space}{path}{more}", methods.join(","))
}

#[cfg(test)]
mod tests {
    use super::{LATER, Names};
    use crate::{
        config::{PathPattern, RouteSettings},
        model::Demands,
    };

    fn route(number: usize) -> RouteSettings {
        let path = PathPattern::Exact(format!("/{number}"));
        RouteSettings { path, methods: Vec::new(), auth: None, demands: Demands::default() }
    }

    #[test]
    fn all_of_the_start_have_places_and_later_ones_as_far_as_there_is_room() {
        let at_start: Vec<RouteSettings> = (0..5_000).map(route).collect();
        let mut names = Names::of(&at_start);
        assert_eq!(names.place_of(&route(4_999)), Some(4_999));
        for number in 5_000..5_000 + LATER {
            assert_eq!(names.place_of(&route(number)), Some(number));
        }
        assert_eq!(names.place_of(&route(9_999)), None);
        assert_eq!((names.place_of(&route(5_500)), names.count()), (Some(5_500), 3 + 5_000 + LATER));
        assert_eq!(names.all()[3 + 5_500].as_ref(), "/5500");
    }
}
