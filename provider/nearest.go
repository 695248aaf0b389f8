package provider

import "ovhcloud-csi-provider/provider/nearest"

// suggestion helps with a name that is not among the valid ones.
func suggestion(name string, valid []string) string { return nearest.Suggestion(name, valid) }

// Nearest is nearest.Name, for the commands.
func Nearest(name string, valid []string) string { return nearest.Name(name, valid) }
