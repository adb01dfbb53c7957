"""Asterisk's External Application Protocol (res_speech_aeap): speech recognition for dialplans."""
