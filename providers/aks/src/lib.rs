//! Azure Kubernetes Service as a kubelease provider.
