"""The hardware that models run on: choosing a device, loading CTranslate2 models, and sharing GPUs between workers."""
