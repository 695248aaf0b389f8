// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ovhcloud-csi-provider/cmd/commandline"
	"ovhcloud-csi-provider/cmd/ovhcsi/cluster"
	"ovhcloud-csi-provider/cmd/ovhcsi/doctor"
	"ovhcloud-csi-provider/provider/place"
)

const doctorLong = `It checks the driver, the provider, classes, pods that wait for a mount, credentials
and connections in a cluster. kubectl reads the cluster; nothing is changed, and no value
of a Secret is printed.

  ovhcsi doctor
  ovhcsi doctor --pre                  # before the provider is installed
  ovhcsi doctor --pre --region eu-west-par
  ovhcsi doctor -o short               # a line for each finding

Each finding has an ID with a section in docs/doctor.md. What you may not read is not
checked; the output says so. docs/doctor.md has the permissions.

Exit code: 0 if there is no error and no warning, 1 if there is one or the cluster
cannot be read, 2 for an invalid command line.`

// doctorLine is the command line of "ovhcsi doctor".
type doctorLine struct {
	options doctor.Options
	regions []string
	output  string
	kubectl cluster.Kubectl
}

// newDoctorCommand returns "ovhcsi doctor".
func newDoctorCommand(s streams) *cobra.Command {
	var c doctorLine
	command := &cobra.Command{
		Use:   "doctor",
		Short: "check the driver and the provider in a cluster",
		Long:  doctorLong,
		Args:  noArguments,
		RunE:  func(command *cobra.Command, _ []string) error { return c.run(command.Context(), s) },
	}
	flags := command.Flags()
	flags.BoolVar(&c.options.Pre, "pre", false, "check what the provider needs before it is installed")
	flags.StringVar(&c.options.Namespace, "namespace", "",
		"the `NAME` of the namespace for the provider, with --pre\n(default \"kube-system\")")
	flags.BoolVar(&c.options.Network, "network", false,
		"also ask the endpoints of classes and connections from this\nmachine, without a credential")
	flags.StringArrayVar(&c.regions, "region", nil,
		"also ask the endpoint of the region `NAME`, from this machine;\nrepeatable")
	flags.BoolVar(&c.options.FromInside, "from-inside", false,
		"also read from the metrics of the provider's pods whether\nOKMS answers them")
	flags.StringVarP(&c.output, "output", "o", "text", "the `FORM` of the findings: "+strings.Join(doctor.Outputs(),
		", "))
	flags.StringVar(&c.kubectl.Kubeconfig, "kubeconfig", "", "the `FILE` for kubectl")
	flags.StringVar(&c.kubectl.Context, "context", "", "the `NAME` of the context for kubectl")
	completeValues(command, "output", doctor.Outputs())
	completeValues(command, "region", place.KnownRegions())
	return command
}

// run prints what is wrong in the cluster.
func (c *doctorLine) run(ctx context.Context, s streams) error {
	if err := oneOf("output", c.output, doctor.Outputs()); err != nil {
		return err
	}
	if c.options.Namespace != "" && !c.options.Pre {
		return usageErrorf("--namespace is for --pre; without it, all namespaces are checked")
	}
	if c.options.Pre && c.options.FromInside {
		return usageErrorf("--from-inside asks the provider's pods, which --pre does not expect")
	}
	if err := c.parseRegions(); err != nil {
		return err
	}
	if c.options.Namespace == "" {
		c.options.Namespace = "kube-system"
	}
	c.options.Now = time.Now()
	report, err := doctor.Examine(ctx, c.kubectl, c.options)
	if err != nil {
		return fmt.Errorf("the cluster cannot be read: %w", err)
	}
	if err := report.Write(s.out, c.output, commandline.Version(), colours(s.out)); err != nil {
		return err
	}
	if report.Failed() {
		return errFindings
	}
	return nil
}

// parseRegions gives the endpoints of --region to the doctor.
func (c *doctorLine) parseRegions() (wrong error) {
	for _, region := range c.regions {
		d := place.Parse(map[string]string{place.FieldRegion: region}, 0, func(field string, err error) {
			if field == place.FieldRegion {
				wrong = usageErrorf("--region: %w", err)
			}
		})
		c.options.Domains = append(c.options.Domains, d)
	}
	return wrong
}

// colours reports whether an output is a terminal that shows colours.
func colours(out io.Writer) bool {
	file, is := out.(*os.File)
	if !is || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
