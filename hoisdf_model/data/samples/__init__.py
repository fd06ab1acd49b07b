"""Sample preparation: views, crops, augmentation, evidence, labels."""
