"""What is in deploy/: images, manifests, units, and the ways in and out."""
