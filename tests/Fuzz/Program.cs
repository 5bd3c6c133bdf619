return KubeProxyNet.Fuzz.FuzzCommand.Run(args, Console.Out);
