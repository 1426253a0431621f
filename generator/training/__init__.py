"""What a training is made of: configuration, plan, data, batches, losses."""
