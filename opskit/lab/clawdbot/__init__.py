"""The lab's chat UI: one page, a health route with a mind of its own, and chat through the gateway."""
