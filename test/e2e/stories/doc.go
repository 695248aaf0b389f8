// Package stories holds what must hold in a real cluster, as a user of kubectl sees it.
package stories

import _ "sigs.k8s.io/yaml"
