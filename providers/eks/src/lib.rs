//! Amazon EKS as a kubelease provider.
