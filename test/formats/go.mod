module ovhcloud-csi-provider/test/formats

go 1.26.0

require (
	github.com/joho/godotenv v1.5.1
	github.com/magiconair/properties v1.8.10
	k8s.io/kubernetes v1.35.4
	ovhcloud-csi-provider v0.0.0
)

replace ovhcloud-csi-provider => ../..
