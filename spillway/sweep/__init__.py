"""Many runs of one scenario: a grid over its knobs, spread over processes or machines."""
