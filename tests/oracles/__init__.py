"""Ways to know a derivative that share nothing with the compiler: dual numbers, differences, the dot product."""
