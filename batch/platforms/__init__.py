"""Where jobs are carried out: this machine, or SageMaker."""
