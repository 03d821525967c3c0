"""Stories about the outside services: stores of files, the virus scanner."""
