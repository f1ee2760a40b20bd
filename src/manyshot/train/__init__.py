"""The training stage: exact prefix-shared LoRA training. Import the modules; the package itself loads nothing."""
