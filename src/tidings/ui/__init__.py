"""How the dashboard looks: layout, components, vendored static files. Knows no feature and no database."""
