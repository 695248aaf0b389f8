module ovhcloud-csi-provider/test/formats

go 1.26.0

require (
	github.com/compose-spec/compose-go/v2 v2.16.2
	github.com/goccy/go-yaml v1.19.2
	github.com/joho/godotenv v1.5.1
	github.com/magiconair/properties v1.8.10
	github.com/sirupsen/logrus v1.10.1
	go.yaml.in/yaml/v2 v2.4.3
	go.yaml.in/yaml/v3 v3.0.6
	k8s.io/kubernetes v1.35.4
	ovhcloud-csi-provider v0.0.0
)

require golang.org/x/sys v0.48.0 // indirect

replace ovhcloud-csi-provider => ../..
