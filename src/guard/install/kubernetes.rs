//! Kubernetes: a CronJob that keeps its ledger on a small volume and has its credentials from a Secret.

use super::{GOOGLE, MARK, Wish, cron, one_line};

pub(super) fn manifest(wish: &Wish) -> Result<String, String> {
    let google = wish.names.iter().any(|n| n == GOOGLE);
    let pick = |text: &'static str| if google { text } else { "" };
    // A JSON string is a YAML string.
    let image = serde_json::to_string(one_line(&wish.image)?).map_err(|e| e.to_string())?;
    Ok(TEMPLATE
        .replace("@MARK@", MARK)
        .replace("@CRON@", &cron::fields(wish.every)?)
        .replace("@GOOGLE_HOW@", pick(GOOGLE_HOW))
        .replace("@GOOGLE_ENV@", pick(GOOGLE_ENV))
        .replace("@GOOGLE_MOUNT@", pick(GOOGLE_MOUNT))
        .replace("@GOOGLE_VOLUME@", pick(GOOGLE_VOLUME))
        .replace("@IMAGE@", &image))
}

const GOOGLE_HOW: &str =
    "#   kubectl create secret generic kubelease-guard-google --from-file=google.json=KEY.json\n";
const GOOGLE_ENV: &str = r#"
                - name: GOOGLE_APPLICATION_CREDENTIALS
                  value: /google/google.json"#;
const GOOGLE_MOUNT: &str = r#"
                - name: google
                  mountPath: /google
                  readOnly: true"#;
const GOOGLE_VOLUME: &str = r#"
            - name: google
              secret:
                secretName: kubelease-guard-google"#;

const TEMPLATE: &str = r#"@MARK@ written by `kubelease guard install --kubernetes`; end it with `kubectl delete -f` of this file
# Credentials come from Secrets, which this file does not hold. Make them first, from a file of NAME=value lines:
#   kubectl create secret generic kubelease-guard --from-env-file=guard.env
@GOOGLE_HOW@# The image must hold the kubelease binary and CA certificates.
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: kubelease-guard
  labels:
    app.kubernetes.io/name: kubelease-guard
spec:
  accessModes: ["ReadWriteOnce"]
  resources:
    requests:
      storage: 1Gi
---
apiVersion: batch/v1
kind: CronJob
metadata:
  name: kubelease-guard
  labels:
    app.kubernetes.io/name: kubelease-guard
spec:
  schedule: "@CRON@"
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 300
  successfulJobsHistoryLimit: 1
  failedJobsHistoryLimit: 3
  jobTemplate:
    spec:
      backoffLimit: 0
      activeDeadlineSeconds: 3600
      template:
        metadata:
          labels:
            app.kubernetes.io/name: kubelease-guard
        spec:
          restartPolicy: Never
          automountServiceAccountToken: false
          securityContext:
            runAsNonRoot: true
            runAsUser: 65532
            fsGroup: 65532
            seccompProfile:
              type: RuntimeDefault
          containers:
            - name: tick
              image: @IMAGE@
              command: ["kubelease"]
              args: ["guard", "tick", "--log", "json"]
              envFrom:
                - secretRef:
                    name: kubelease-guard
              env:
                - name: KUBELEASE_HOME
                  value: /ledger@GOOGLE_ENV@
              volumeMounts:
                - name: ledger
                  mountPath: /ledger@GOOGLE_MOUNT@
              resources:
                requests:
                  cpu: 50m
                  memory: 64Mi
                limits:
                  memory: 128Mi
              securityContext:
                allowPrivilegeEscalation: false
                readOnlyRootFilesystem: true
                capabilities:
                  drop: ["ALL"]
          volumes:
            - name: ledger
              persistentVolumeClaim:
                claimName: kubelease-guard@GOOGLE_VOLUME@
"#;
