"""Pure rules: standard library only, no clock, no randomness, no I/O, no await."""
