"""The streaming recognition of Kyutai's moshi-server, as MessagePack or with raw samples."""
