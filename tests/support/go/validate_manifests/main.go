// Command validate_manifests reads Kubernetes manifests from its input and refuses what the API
// server would refuse to decode: an unknown kind, an unknown field, a value of another type.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	apps "k8s.io/api/apps/v1"
	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	strict "sigs.k8s.io/yaml"
)

// Kinds of the operators' own definitions, whose types are not Kubernetes' own.
var foreign = map[string]bool{"monitoring.coreos.com/v1 ServiceMonitor": true}

func main() {
	if err := validate(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func validate(input io.Reader) error {
	reader := yaml.NewYAMLReader(bufio.NewReader(input))
	for {
		text, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := decode(text); err != nil {
			return err
		}
	}
}

func decode(text []byte) error {
	var head struct {
		APIVersion, Kind string
		Metadata         struct{ Name string }
	}
	if err := strict.Unmarshal(text, &head); err != nil {
		return err
	}
	if head.Kind == "" {
		return nil
	}
	kind := head.APIVersion + " " + head.Kind
	object := map[string]any{
		"v1 ConfigMap":             &core.ConfigMap{},
		"v1 Secret":                &core.Secret{},
		"v1 Service":               &core.Service{},
		"v1 PersistentVolumeClaim": &core.PersistentVolumeClaim{},
		"apps/v1 Deployment":       &apps.Deployment{},
		"batch/v1 Job":             &batch.Job{},
	}[kind]
	if object == nil {
		if foreign[kind] {
			return nil
		}
		return fmt.Errorf("%s: unknown kind %s", head.Metadata.Name, kind)
	}
	if err := strict.UnmarshalStrict(text, object); err != nil {
		return fmt.Errorf("%s %s: %w", head.Kind, head.Metadata.Name, err)
	}
	return nil
}
