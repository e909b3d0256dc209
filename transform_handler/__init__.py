"""Audio in, transcript records out; shipped whole into the inference container."""
