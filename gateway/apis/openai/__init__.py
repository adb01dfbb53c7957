"""OpenAI's audio and Realtime transcription APIs (platform.openai.com/docs/api-reference)."""
