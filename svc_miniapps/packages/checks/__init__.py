"""The checks of packages. They import no service, so that a team's computer runs them from a small wheel too."""
