module ovhcloud-csi-provider

go 1.26.0
