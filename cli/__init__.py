"""The verbs of `./tickhouse`, by what they are about; heavy imports happen inside them."""
