"""E-mail: a mail as a request, the SMTP source, and what is sent."""
