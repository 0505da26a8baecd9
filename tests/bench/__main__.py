"""``python tests/bench`` measures and prints JSON."""

from bench import main

main()
