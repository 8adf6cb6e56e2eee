"""Text messages: Twilio-compatible webhooks."""
