"""The chart: rendered by Helm, held against Kubernetes' schemas, and run."""
