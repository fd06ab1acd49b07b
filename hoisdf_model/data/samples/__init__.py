"""From labelled frames to samples: views, crops, augmentation, evidence, labels."""
