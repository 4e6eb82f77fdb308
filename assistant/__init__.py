"""Talk: turns a message into an explained, checked reply."""
