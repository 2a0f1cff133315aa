"""ONNX Runtime: the models a box serves."""
