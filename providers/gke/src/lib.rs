//! Google Kubernetes Engine as a kubelease provider.
