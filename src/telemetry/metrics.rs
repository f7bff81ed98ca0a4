//! Metrics, in the text format of Prometheus (version 0.0.4).
//!
//! Whoever counts something is a [`Source`], and is asked when the page is read: nothing is kept here. Names and units are by
//! Prometheus' conventions; labels have few values, known before a request has them, and none is a client's.

use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};

use prometheus_client::{
    collector::Collector,
    encoding::{
        DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, NoLabelSet,
        prometheus_text::{self, CONTENT_TYPE},
    },
    metrics::MetricType,
    registry::Registry,
};

use crate::model::{BOUNDS, Distribution};

/// Somebody who counts.
pub trait Source: fmt::Debug + Send + Sync + 'static {
    /// Tells what was counted until now.
    ///
    /// # Errors
    /// Those of the page.
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result;
}

/// Names and values of labels.
pub type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

/// The page that is being written. Each name comes once.
#[derive(Debug)]
pub struct Page<'p>(DescriptorEncoder<'p>);

impl Page<'_> {
    /// A number that only goes up. `_total` is added to the name.
    ///
    /// # Errors
    /// Those of the page.
    pub fn counter<'a, const N: usize, V: EncodeCounterValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a, N>, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in samples {
            family.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    /// A number that goes up and down.
    ///
    /// # Errors
    /// Those of the page.
    pub fn gauge<'a, const N: usize, V: EncodeGaugeValue>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a, N>, V)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in samples {
            family.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// How long things took.
    ///
    /// # Errors
    /// Those of the page.
    pub fn histogram<'a, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'a, N>, Distribution)>,
    ) -> fmt::Result {
        let mut family = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        for (labels, distribution) in samples {
            let bounds = BOUNDS.iter().map(|micros| seconds(*micros)).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = bounds.zip(distribution.buckets).collect();
            let (sum, count) = (seconds(distribution.micros), distribution.count());
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// All who count. The clones are the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<RwLock<Vec<Arc<dyn Source>>>>);

impl Metrics {
    /// What the page is.
    pub const CONTENT_TYPE: &str = CONTENT_TYPE;

    /// Asks this one, too, from now on.
    pub fn add(&self, source: impl Source) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(Arc::new(source));
    }

    /// The page.
    ///
    /// # Errors
    /// Those of a source.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self.clone()));
        let mut text = String::new();
        prometheus_text::encode(&mut text, &registry)?;
        Ok(text)
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().try_for_each(|source| source.tell(&mut page))
    }
}

impl<S: Source> Source for Arc<S> {
    fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
        S::tell(self, page)
    }
}

#[cfg(test)]
mod tests {
    use std::{fmt, time::Duration};

    use super::{Metrics, Page, Source};
    use crate::model::Histogram;

    #[derive(Debug, Default)]
    struct Kitchen(Histogram);

    impl Source for Kitchen {
        fn tell(&self, page: &mut Page<'_>) -> fmt::Result {
            page.counter("eggs", "Eggs that were boiled.", [([("size", "a \"large\"\n one")], 3_u64)])?;
            page.gauge("pots", "Pots on the stove.", [([], 1.5)])?;
            page.histogram("boiling_seconds", "How long eggs were boiled.", [([], self.0.distribution())])
        }
    }

    #[test]
    fn the_page_is_what_prometheus_reads() {
        let kitchen = Kitchen::default();
        kitchen.0.record(Duration::from_millis(300));
        let metrics = Metrics::default();
        metrics.add(kitchen);
        let text = metrics.text().unwrap();
        for part in [
            "# HELP eggs_total Eggs that were boiled.\n# TYPE eggs_total counter\n",
            "eggs_total{size=\"a \\\"large\\\"\\n one\"} 3\n",
            "# TYPE pots gauge\npots 1.5\n",
            "boiling_seconds_bucket{le=\"0.25\"} 0\nboiling_seconds_bucket{le=\"0.5\"} 1\n",
            "boiling_seconds_bucket{le=\"+Inf\"} 1\nboiling_seconds_sum 0.3\nboiling_seconds_count 1\n",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
